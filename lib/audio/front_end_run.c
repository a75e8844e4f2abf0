/* front_end_run.c - a clip to features: blocks of frames (stft.h) over a window of samples
 * (samples.h), which they read in place; only the frames that reach over an end are put
 * together. Buffers grow to the longest clip seen and stay. */
#include "audio/front_end_plan.h"
#include "audio/samples.h"
#include "base/available.h"

#include <string.h>

/* A float buffer that only grows. */
typedef struct {
    float *data;
    size_t capacity;
} grown;

struct sty_front_end_state {
    const sty_front_end *plan;
    sty_stft *stft;
    sty_samples *samples;
    grown features, shown;
    float *edges; /* [lanes, n_fft]: frames over an end */
    sty_stage_fn stage;
    void *stage_context;
    size_t least, n_padded; /* samples: short clips are padded to; what was added */
    size_t n, n_real;       /* samples of the clip at hand, frames of them */
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
    if (status == STY_OK) status = sty_samples_create(&front_end->params, &made->samples, err);
    if (status == STY_OK) *state = made;
    else sty_front_end_state_free(made);
    return status;
}

void sty_front_end_state_free(sty_front_end_state *state) {
    if (!state) return;
    sty_free(state->features.data);
    sty_free(state->shown.data);
    sty_samples_free(state->samples);
    sty_stft_free(state->stft);
    sty_free(state->edges);
    sty_free(state);
}

void sty_front_end_state_watch(sty_front_end_state *state, sty_stage_fn stage, void *context) {
    state->stage = stage;
    state->stage_context = context;
    sty_samples_watch(state->samples, stage, context);
}

void sty_front_end_state_pad_short(sty_front_end_state *state, size_t n_frames) {
    state->least = n_frames ? sty_front_end_samples(&state->plan->params, n_frames) : 0;
}

size_t sty_front_end_state_padded(const sty_front_end_state *state) { return state->n_padded; }

static sty_status grow(grown *buffer, size_t n, sty_err *err) {
    size_t n_bytes;
    if (n <= buffer->capacity) return STY_OK;
    if (!sty_mul(n, sizeof(float), &n_bytes)) return sty_err_no_memory(err, SIZE_MAX, "features");
    float *data = sty_resize(NULL, 0, n_bytes);
    if (!data) return sty_err_no_memory(err, n_bytes, "features");
    sty_free(buffer->data);
    buffer->data = data;
    buffer->capacity = n;
    return STY_OK;
}

/* ---- frames ---- */

/* Samples of the clip: x[i - first] is number i of n. */
typedef struct {
    const float *x;
    size_t first, n;
} stretch;

enum { FRAMES_AT_ONCE = 256 };

/* The frame that begins at `first`, partly outside the clip: what is outside is zeros or
 * mirrored samples. */
static void edge_frame(const sty_front_end_params *p, const stretch *s, ptrdiff_t first, float *row) {
    const ptrdiff_t n_fft = p->n_fft, end = (ptrdiff_t)s->n;
    const ptrdiff_t from = first < 0 ? -first : 0, to = end - first < n_fft ? end - first : n_fft;
    for (ptrdiff_t i = 0; i < n_fft; i++) {
        if (i == from && to > from) {
            memcpy(row + from, s->x + (first + from - (ptrdiff_t)s->first), (size_t)(to - from) * sizeof *row);
            i = to;
            if (i == n_fft) break;
        }
        row[i] = p->pad_mode == PAD_REFLECT ? s->x[sty_wave_reflect(first + i, s->n) - s->first] : 0.0f;
    }
}

/* Frames begin to begin + n_frames of what the samples hold. */
static void run_stretch(sty_front_end_state *state, const stretch *s, size_t begin, size_t n_frames, size_t width,
                        float *features) {
    const sty_front_end_params *p = &state->plan->params;
    const size_t block = sty_stft_lanes(state->stft), n_fft = (size_t)p->n_fft;
    const ptrdiff_t hop = p->hop_length, pad = (ptrdiff_t)sty_front_end_padding(p);
    const float *rows[STY_STFT_MAX_LANES];
    for (size_t t = 0; t < n_frames; t += block) {
        const size_t count = n_frames - t < block ? n_frames - t : block;
        for (size_t l = 0; l < block; l++) {
            const ptrdiff_t first = (ptrdiff_t)(begin + t + l) * hop - pad;
            const bool inside = first >= 0 && first + (ptrdiff_t)n_fft <= (ptrdiff_t)s->n;
            rows[l] = l < count ? state->edges + l * n_fft : rows[0];
            if (l < count && inside) rows[l] = s->x + (first - (ptrdiff_t)s->first);
            else if (l < count) edge_frame(p, s, first, state->edges + l * n_fft);
        }
        sty_stft_run(state->stft, rows, count, features + t * width);
    }
}

/* Frames begin to begin + n_frames, [n_frames, width], by the plan that is set in
 * state->stft. */
static sty_status run_frames(sty_front_end_state *state, size_t begin, size_t n_frames, size_t width, float *features,
                             sty_err *err) {
    const sty_front_end_params *p = &state->plan->params;
    const size_t hop = (size_t)p->hop_length, n_fft = (size_t)p->n_fft;
    for (size_t t = 0; t < n_frames; t += FRAMES_AT_ONCE) {
        const size_t count = n_frames - t < FRAMES_AT_ONCE ? n_frames - t : FRAMES_AT_ONCE;
        const size_t from = (begin + t) * hop;
        stretch s = {.n = state->n}; /* n_fft around: padding, and what is mirrored */
        STY_TRY(sty_samples_window(state->samples, from > n_fft ? from - n_fft : 0, from + count * hop + n_fft, &s.x,
                                   &s.first, err));
        run_stretch(state, &s, begin + t, count, width, features + t * width);
    }
    return STY_OK;
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
        STY_TRY(run_frames(state, 0, state->n_real, spec.width, state->shown.data, err));
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

/* Steps that are shown are held, each of them whole: a clip that would fill the memory is
 * refused before it does, with the number. */
static sty_status check_shown(const sty_front_end_state *state, const sty_clip *clip, sty_err *err) {
    const sty_front_end_params *p = &state->plan->params;
    const double seconds = (double)clip->info.n_frames / clip->info.rate_hz, n = seconds * p->sample_rate;
    const double columns = p->n_fft / 2 + 1 + (double)state->plan->spec.width;
    const double bytes = (2 * n + n / p->hop_length * columns) * sizeof(float), there = (double)sty_mem_available();
    if (bytes < there) return STY_OK;
    return sty_err_set(err, STY_TOO_LONG, "every step of %.0f s needs %.1f GB of memory, %.1f GB are to be had; features alone "
                       "need no more for a longer clip", seconds, bytes / 1e9, there / 1e9);
}

sty_status sty_front_end_open(sty_front_end_state *state, const sty_clip *clip, size_t *n_frames, sty_err *err) {
    const sty_front_end_params *p = &state->plan->params;
    if (state->stage) STY_TRY(check_shown(state, clip, err));
    STY_TRY(sty_samples_open(state->samples, clip, state->least, &state->n, &state->n_padded, err));
    state->n_real = sty_front_end_real_frames(p, state->n);
    if (state->n_real == 0) return too_short(p, state->n, err);
    *n_frames = sty_front_end_frames(p, state->n);
    return STY_OK;
}

sty_status sty_front_end_frames_at(sty_front_end_state *state, size_t first, size_t n, float *features, sty_err *err) {
    const size_t width = state->plan->spec.width;
    const size_t real = first >= state->n_real ? 0 : first + n <= state->n_real ? n : state->n_real - first;
    STY_TRY(run_frames(state, first, real, width, features, err));
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
