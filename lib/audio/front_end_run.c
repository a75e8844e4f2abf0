/* front_end_run.c - a clip to features.
 *
 * Samples: mix, resample, gain, then the six sample steps in the order asked for.
 * They are copied only when a step changes them: a mono clip at the right rate is
 * read where it lies. Then blocks of frames (stft.h), which also read the samples
 * in place; only the frames that reach over an end are put together. Buffers grow
 * to the longest clip seen and stay. */
#include "audio/front_end_plan.h"
#include "audio/resample.h"
#include "audio/wave.h"

#include <math.h>
#include <string.h>

/* A float buffer that only grows. */
typedef struct {
    float *data;
    size_t capacity;
} grown;

struct sty_front_end_state {
    const sty_front_end *plan;
    sty_stft *stft;
    sty_resampler *resampler;
    grown mono, resampled, own, sums, padded, lengthened, features, shown;
    float *edges; /* [lanes, n_fft]: frames over an end */
    sty_stage_fn stage;
    void *stage_context;
    size_t least, n_padded; /* samples: short clips are padded to; what was added */
    const float *x; /* the samples of the clip at hand, n of them: n_real frames */
    size_t n, n_real;
};

sty_status sty_front_end_state_create(const sty_front_end *front_end, sty_front_end_state **state,
                                      sty_err *err) {
    const size_t n_fft = (size_t)front_end->params.n_fft;
    sty_front_end_state *made = sty_alloc(1, sizeof *made);
    if (!made) return sty_err_no_memory(err, sizeof *made, "a front end");
    made->plan = front_end;
    sty_status status = sty_stft_create(&front_end->spec, sty_cpu_path(), &made->stft, err);
    if (status == STY_OK) {
        made->edges = sty_alloc(sty_stft_lanes(made->stft) * n_fft, sizeof *made->edges);
        if (!made->edges) status = sty_err_no_memory(err, n_fft, "a front end");
    }
    if (status == STY_OK) *state = made;
    else sty_front_end_state_free(made);
    return status;
}

void sty_front_end_state_free(sty_front_end_state *state) {
    if (!state) return;
    const grown all[] = {state->mono,       state->resampled, state->own,  state->sums, state->padded,
                         state->lengthened, state->features,  state->shown};
    for (size_t i = 0; i < STY_COUNT(all); i++)
        sty_free(all[i].data);
    sty_stft_free(state->stft);
    sty_resampler_free(state->resampler);
    sty_free(state->edges);
    sty_free(state);
}

void sty_front_end_state_watch(sty_front_end_state *state, sty_stage_fn stage, void *context) {
    state->stage = stage;
    state->stage_context = context;
}

void sty_front_end_state_pad_short(sty_front_end_state *state, size_t n_frames) {
    state->least = n_frames ? sty_front_end_samples(&state->plan->params, n_frames) : 0;
}

size_t sty_front_end_state_padded(const sty_front_end_state *state) { return state->n_padded; }

static sty_status grow(grown *buffer, size_t n, sty_err *err) {
    size_t n_bytes;
    if (n <= buffer->capacity) return STY_OK;
    if (!sty_mul(n, sizeof(float), &n_bytes)) return sty_err_no_memory(err, SIZE_MAX, "samples");
    float *data = sty_resize(NULL, 0, n_bytes);
    if (!data) return sty_err_no_memory(err, n_bytes, "samples");
    sty_free(buffer->data);
    buffer->data = data;
    buffer->capacity = n;
    return STY_OK;
}

static void show(const sty_front_end_state *state, const char *name, const float *data, size_t n) {
    if (state->stage) state->stage(state->stage_context, name, data, 1, &n);
}

/* ---- samples ---- */

/* The samples on their way: x[n], and own = x when they lie in a buffer of ours. */
typedef struct {
    const float *x;
    float *own;
    size_t n;
} signal;

/* The samples, ours to write on. */
static sty_status writable(sty_front_end_state *state, signal *s, sty_err *err) {
    if (s->own) return STY_OK;
    STY_TRY(grow(&state->own, s->n, err));
    memcpy(state->own.data, s->x, s->n * sizeof *s->x);
    s->x = s->own = state->own.data;
    return STY_OK;
}

static sty_status to_mono(sty_front_end_state *state, const sty_clip *clip, signal *s, sty_err *err) {
    const sty_front_end_params *p = &state->plan->params;
    const int c = clip->info.n_channels;
    *s = (signal){.x = clip->samples, .n = clip->info.n_frames};
    if (c == 1) return STY_OK;
    if (p->channels == CHANNELS_ERROR)
        return sty_err_set(err, STY_BAD_CHANNELS, "the clip has %d channels, the model wants one", c);
    STY_TRY(grow(&state->mono, s->n, err));
    s->x = s->own = state->mono.data;
    if (p->channels == CHANNELS_FIRST)
        for (size_t i = 0; i < s->n; i++)
            s->own[i] = clip->samples[i * (size_t)c];
    else sty_wave_mix(clip->samples, s->n, c, s->own);
    return STY_OK;
}

static sty_status to_rate(sty_front_end_state *state, int rate_hz, signal *s, sty_err *err) {
    const sty_front_end_params *p = &state->plan->params;
    if (rate_hz == p->sample_rate) return STY_OK;
    if (p->resample == RESAMPLE_ERROR)
        return sty_err_set(err, STY_BAD_RATE, "the clip has %d Hz, the model wants %d Hz", rate_hz,
                           p->sample_rate);
    if (state->resampler && sty_resampler_in_hz(state->resampler) != rate_hz) {
        sty_resampler_free(state->resampler);
        state->resampler = NULL;
    }
    if (!state->resampler)
        STY_TRY(sty_resampler_create(rate_hz, p->sample_rate, &state->resampler, err));
    const size_t length = sty_resample_length(s->n, rate_hz, p->sample_rate);
    STY_TRY(grow(&state->resampled, length + STY_RESAMPLE_SLACK, err));
    STY_TRY(sty_resampler_run(state->resampler, s->x, s->n, state->resampled.data, err));
    s->x = s->own = state->resampled.data;
    s->n = length;
    return STY_OK;
}

static void keep(signal *s, size_t begin, size_t end) {
    s->x += begin;
    if (s->own) s->own += begin;
    s->n = end - begin;
}

static void cut(const sty_front_end_params *p, signal *s) {
    const size_t head = (size_t)(p->cut_head_ms * p->sample_rate / 1000.0);
    const size_t tail = (size_t)(p->cut_tail_ms * p->sample_rate / 1000.0);
    const size_t end = tail < s->n ? s->n - tail : 0;
    keep(s, head < end ? head : end, end);
}

static sty_status trim(sty_front_end_state *state, signal *s, sty_err *err) {
    const sty_front_end_params *p = &state->plan->params;
    const sty_wave_trim_rule rule = {.top_db = p->trim,
                                     .frame = (size_t)p->trim_frame_length,
                                     .hop = (size_t)p->trim_hop_length,
                                     .reflected = p->trim_padding == PAD_REFLECT};
    size_t begin, end;
    if (isnan(p->trim) || s->n == 0) return STY_OK;
    STY_TRY(grow(&state->sums, 2 * sty_wave_trim_work(s->n, rule.frame, rule.hop), err)); /* doubles */
    sty_wave_trim(s->x, s->n, &rule, (double *)(void *)state->sums.data, &begin, &end);
    keep(s, begin, end);
    return STY_OK;
}

static sty_status pre_emphasis(sty_front_end_state *state, signal *s, sty_err *err) {
    const float c = (float)state->plan->params.pre_emphasis;
    float *to = s->own;
    if (c == 0) return STY_OK;
    if (!to) {
        STY_TRY(grow(&state->own, s->n, err));
        to = state->own.data;
    }
    sty_wave_pre_emphasis(s->x, s->n, c, to);
    s->x = s->own = to;
    return STY_OK;
}

/* Zeros at the ends need room: the samples move into another buffer. */
static sty_status add_zeros(grown *room, size_t before, size_t after, signal *s, sty_err *err) {
    if (before + after == 0) return STY_OK;
    STY_TRY(grow(room, before + s->n + after, err));
    float *to = room->data;
    memset(to, 0, before * sizeof *to);
    memcpy(to + before, s->x, s->n * sizeof *to);
    memset(to + before + s->n, 0, after * sizeof *to);
    *s = (signal){.x = to, .own = to, .n = before + s->n + after};
    return STY_OK;
}

static sty_status one_step(sty_front_end_state *state, sty_wave_step step, signal *s, sty_err *err) {
    const sty_front_end_params *p = &state->plan->params;
    switch (step) {
    case STY_STEP_CUT: cut(p, s); break;
    case STY_STEP_TRIM: return trim(state, s, err);
    case STY_STEP_LEVEL:
        if (p->level == STY_LEVEL_NONE) break;
        STY_TRY(writable(state, s, err));
        sty_wave_level(s->own, s->n, (sty_level)p->level, p->level_target);
        break;
    case STY_STEP_PRE_EMPHASIS: return pre_emphasis(state, s, err);
    case STY_STEP_CLIP:
        if (!p->clip) break;
        STY_TRY(writable(state, s, err));
        sty_wave_clip(s->own, s->n, -1.0f, 1.0f);
        break;
    case STY_STEP_PAD:
        return add_zeros(&state->padded, (size_t)p->pad_samples, (size_t)p->pad_samples, s, err);
    case STY_N_STEPS: break;
    }
    return STY_OK;
}

static sty_status prepare_samples(sty_front_end_state *state, const sty_clip *clip, const float **x,
                                  size_t *n, sty_err *err) {
    const sty_front_end_params *p = &state->plan->params;
    signal s;
    STY_TRY(to_mono(state, clip, &s, err));
    STY_TRY(to_rate(state, clip->info.rate_hz, &s, err));
    show(state, "samples", s.x, s.n);
    if (p->input_gain != 1) {
        STY_TRY(writable(state, &s, err));
        for (size_t i = 0; i < s.n; i++)
            s.own[i] *= (float)p->input_gain;
    }
    for (size_t i = 0; i < STY_N_STEPS; i++) {
        STY_TRY(one_step(state, (sty_wave_step)p->order[i], &s, err));
        if (state->stage)
            show(state, sty_params_find(sty_front_end_table, sty_n_front_end_params, "order")->choices[p->order[i]],
                 s.x, s.n);
    }
    state->n_padded = s.n > 0 && s.n < state->least ? state->least - s.n : 0;
    STY_TRY(add_zeros(&state->lengthened, 0, state->n_padded, &s, err));
    *x = s.x;
    *n = s.n;
    return STY_OK;
}

/* ---- frames ---- */

/* The frame that begins at `first`, partly outside x[n]: what is outside is zeros or
 * mirrored samples. */
static void edge_frame(const sty_front_end_params *p, const float *x, size_t n, ptrdiff_t first, float *row) {
    const ptrdiff_t n_fft = p->n_fft, end = (ptrdiff_t)n;
    const ptrdiff_t from = first < 0 ? -first : 0, to = end - first < n_fft ? end - first : n_fft;
    for (ptrdiff_t i = 0; i < n_fft; i++) {
        if (i == from && to > from) {
            memcpy(row + from, x + first + from, (size_t)(to - from) * sizeof *row);
            i = to;
            if (i == n_fft) break;
        }
        row[i] = p->pad_mode == PAD_REFLECT ? x[sty_wave_reflect(first + i, n)] : 0.0f;
    }
}

/* Frames first to first + n_frames, [n_frames, width], by the plan that is set in
 * state->stft. */
static void run_frames(sty_front_end_state *state, size_t begin, size_t n_frames, size_t width, float *features) {
    const sty_front_end_params *p = &state->plan->params;
    const float *x = state->x;
    const size_t n = state->n;
    const size_t block = sty_stft_lanes(state->stft), n_fft = (size_t)p->n_fft;
    const ptrdiff_t hop = p->hop_length, pad = (ptrdiff_t)sty_front_end_padding(p);
    const float *rows[STY_STFT_MAX_LANES];
    for (size_t t = 0; t < n_frames; t += block) {
        const size_t count = n_frames - t < block ? n_frames - t : block;
        for (size_t l = 0; l < block; l++) {
            const ptrdiff_t first = (ptrdiff_t)(begin + t + l) * hop - pad;
            const bool inside = first >= 0 && first + (ptrdiff_t)n_fft <= (ptrdiff_t)n;
            rows[l] = l < count ? state->edges + l * n_fft : rows[0];
            if (l < count && inside) rows[l] = x + first;
            else if (l < count) edge_frame(p, x, n, first, state->edges + l * n_fft);
        }
        sty_stft_run(state->stft, rows, count, features + t * width);
    }
}

/* Every step as an array of its own: the block's program cut short, again and again. */
static sty_status show_steps(sty_front_end_state *state, sty_err *err) {
    static const char *const names[STY_N_SHOWN] = {"spectrum", "magnitude", "mel", "log"};
    const sty_front_end_params *p = &state->plan->params;
    for (int step = 0; step < STY_N_SHOWN; step++) {
        if (step == STY_MEL && p->feature != FEATURE_MEL) continue;
        if (step == STY_LOG && p->log == LOG_NONE) continue;
        const sty_stft_spec spec = sty_front_end_step_spec(state->plan, (sty_front_end_step)step);
        size_t n_values;
        if (!sty_mul(state->n_real, spec.width, &n_values)) return sty_err_no_memory(err, SIZE_MAX, "a step");
        STY_TRY(grow(&state->shown, n_values, err));
        sty_stft_change(state->stft, &spec);
        run_frames(state, 0, state->n_real, spec.width, state->shown.data);
        state->stage(state->stage_context, names[step], state->shown.data, 2,
                     (const size_t[]){state->n_real, spec.width});
    }
    sty_stft_change(state->stft, &state->plan->spec);
    return STY_OK;
}

static sty_status too_short(const sty_front_end_params *p, size_t n, sty_err *err) {
    const size_t least = sty_front_end_samples(p, 1);
    return sty_err_set(err, STY_TOO_SHORT,
                       "%zu samples at %d Hz remain, the front end needs at least %zu (%.3f s)", n,
                       p->sample_rate, least, (double)least / p->sample_rate);
}

sty_status sty_front_end_open(sty_front_end_state *state, const sty_clip *clip, size_t *n_frames, sty_err *err) {
    const sty_front_end_params *p = &state->plan->params;
    STY_TRY(prepare_samples(state, clip, &state->x, &state->n, err));
    state->n_real = sty_front_end_real_frames(p, state->n);
    if (state->n_real == 0) return too_short(p, state->n, err);
    *n_frames = sty_front_end_frames(p, state->n);
    return STY_OK;
}

sty_status sty_front_end_frames_at(sty_front_end_state *state, size_t first, size_t n, float *features, sty_err *err) {
    const size_t width = state->plan->spec.width;
    const size_t real = first >= state->n_real ? 0 : first + n <= state->n_real ? n : state->n_real - first;
    (void)err;
    run_frames(state, first, real, width, features);
    for (size_t i = real * width; i < n * width; i++)
        features[i] = (float)state->plan->params.frame_pad_value;
    return STY_OK;
}

sty_status sty_front_end_all(sty_front_end_state *state, float **features, sty_err *err) {
    const size_t n_frames = sty_front_end_frames(&state->plan->params, state->n), width = state->plan->spec.width;
    size_t n_values;
    if (!sty_mul(n_frames, width, &n_values)) return sty_err_no_memory(err, SIZE_MAX, "features");
    STY_TRY(grow(&state->features, n_values, err));
    if (state->stage) STY_TRY(show_steps(state, err));
    STY_TRY(sty_front_end_frames_at(state, 0, n_frames, state->features.data, err));
    if (state->stage)
        state->stage(state->stage_context, "features", state->features.data, 2, (const size_t[]){n_frames, width});
    *features = state->features.data;
    return STY_OK;
}

sty_status sty_front_end_run(sty_front_end_state *state, const sty_clip *clip, float **features,
                             size_t *n_frames, sty_err *err) {
    STY_TRY(sty_front_end_open(state, clip, n_frames, err));
    return sty_front_end_all(state, features, err);
}
