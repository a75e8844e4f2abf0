/* front_end.c - the whole way from a clip to features.
 *
 * Samples: mix, resample, gain, then the six sample steps in the order asked for.
 * Then frames in blocks that stay in cache: power spectrum, magnitude, filters,
 * logarithm, maps. Buffers grow to the longest clip seen and stay. */
#include "audio/front_end.h"
#include "audio/mel.h"
#include "audio/resample.h"
#include "audio/stft.h"
#include "audio/wave.h"

#include <math.h>
#include <string.h>

struct sty_front_end {
    sty_front_end_params params;
    const float *mean, *std; /* [F] or NULL */
    const float *window;     /* [n_fft], zero outside win_length */
    sty_mel mel;
};

/* A float buffer that only grows. */
typedef struct {
    float *data;
    size_t capacity;
} grown;

struct sty_front_end_state {
    const sty_front_end *plan;
    sty_stft *stft;
    sty_resampler *resampler;
    grown mono, resampled, padded, features;
    float *power; /* [STY_STFT_BLOCK, n_fft / 2 + 1] */
    sty_stage_fn stage;
    void *stage_context;
    size_t least, n_padded; /* samples: short clips are padded to; what was added */
};

enum { CHANNELS_MEAN, CHANNELS_FIRST, CHANNELS_ERROR };
enum { RESAMPLE_CONVERT, RESAMPLE_ERROR };
enum { FEATURE_MEL, FEATURE_LINEAR };
enum { WINDOW_HANN, WINDOW_HAMMING, WINDOW_BLACKMAN, WINDOW_RECTANGULAR };
enum { PADDING_NONE, PADDING_CENTER, PADDING_HIFIGAN };
enum { PAD_CONSTANT, PAD_REFLECT };
enum { EPS_ADD, EPS_CLAMP };
enum { LOG_NONE, LOG_LN, LOG_LOG10 };
enum { FLOOR_CLAMP, FLOOR_ADD };
enum { LAST_KEEP, LAST_DROP, LAST_DROP_IF_EXACT };

/* ---- plan ---- */

static double window_value(int kind, double phase) {
    switch (kind) {
    case WINDOW_HANN: return 0.5 - 0.5 * cos(phase);
    case WINDOW_HAMMING: return 0.54 - 0.46 * cos(phase);
    case WINDOW_BLACKMAN: return 0.42 - 0.5 * cos(phase) + 0.08 * cos(2 * phase);
    default: return 1;
    }
}

static const float *make_window(const sty_front_end_params *p, sty_arena *arena) {
    const size_t n_fft = (size_t)p->n_fft;
    const size_t n = p->win_length == STY_NONE ? n_fft : (size_t)p->win_length;
    const size_t left = (n_fft - n) / 2;
    const double period = p->window_periodic || n == 1 ? (double)n : (double)(n - 1);
    float *window = sty_arena_alloc(arena, n_fft, sizeof *window);
    if (!window) return NULL;
    for (size_t i = 0; i < n; i++)
        window[left + i] = (float)window_value(p->window, 2 * 3.14159265358979323846 * (double)i / period);
    return window;
}

static sty_status make_mel(const sty_front_end_params *p, sty_arena *arena, sty_mel *mel,
                           sty_err *err) {
    const double rate = p->mel_sample_rate == STY_NONE ? p->sample_rate : p->mel_sample_rate;
    const sty_mel_spec spec = {.n_fft = (size_t)p->n_fft,
                               .n_mels = (size_t)p->n_mels,
                               .rate_hz = rate,
                               .fmin_hz = p->fmin,
                               .fmax_hz = isnan(p->fmax) ? rate / 2 : p->fmax,
                               .htk = p->mel_scale == 1,
                               .slaney_norm = p->mel_norm == 1};
    return sty_mel_create(&spec, arena, mel, err);
}

sty_status sty_front_end_create(const sty_front_end_params *params, const float *mean,
                                const float *std, sty_arena *arena, const sty_front_end **made,
                                sty_err *err) {
    sty_front_end *plan = sty_arena_alloc(arena, 1, sizeof *plan);
    if (!plan) return sty_err_no_memory(err, sizeof *plan, "the front end");
    plan->params = *params;
    plan->mean = mean;
    plan->std = std;
    plan->window = make_window(params, arena);
    if (!plan->window) return sty_err_no_memory(err, (size_t)params->n_fft * 4, "the window");
    if (params->feature == FEATURE_MEL) STY_TRY(make_mel(params, arena, &plan->mel, err));
    *made = plan;
    return STY_OK;
}

const sty_front_end_params *sty_front_end_facts(const sty_front_end *front_end) {
    return &front_end->params;
}

static size_t padding_of(const sty_front_end_params *p) {
    if (p->padding == PADDING_CENTER) return (size_t)p->n_fft / 2;
    if (p->padding == PADDING_HIFIGAN) return (size_t)(p->n_fft - p->hop_length) / 2;
    return 0;
}

size_t sty_front_end_frames(const sty_front_end_params *p, size_t n_samples) {
    const size_t pad = padding_of(p), padded = n_samples + 2 * pad, hop = (size_t)p->hop_length;
    if (padded < (size_t)p->n_fft || n_samples == 0) return 0;
    if (p->pad_mode == PAD_REFLECT && pad > 0 && n_samples <= pad) return 0;
    size_t n = (padded - (size_t)p->n_fft) / hop + 1;
    if (p->last_frame == LAST_DROP) n--;
    if (p->last_frame == LAST_DROP_IF_EXACT && n_samples % hop == 0) n--;
    const size_t multiple = (size_t)p->frame_multiple;
    return n == 0 ? 0 : (n + multiple - 1) / multiple * multiple;
}

size_t sty_front_end_samples(const sty_front_end_params *p, size_t n_frames) {
    size_t low = 0, high = 1;
    while (sty_front_end_frames(p, high) < n_frames)
        high *= 2;
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (sty_front_end_frames(p, middle) < n_frames) low = middle;
        else high = middle;
    }
    return high;
}

/* ---- state ---- */

sty_status sty_front_end_state_create(const sty_front_end *front_end, sty_front_end_state **state,
                                      sty_err *err) {
    const size_t n_fft = (size_t)front_end->params.n_fft;
    sty_front_end_state *made = sty_alloc(1, sizeof *made);
    if (!made) return sty_err_no_memory(err, sizeof *made, "a front end");
    made->plan = front_end;
    made->power = sty_alloc(STY_STFT_BLOCK * (n_fft / 2 + 1), sizeof *made->power);
    sty_status status = made->power ? sty_stft_create(n_fft, front_end->window, &made->stft, err)
                                    : sty_err_no_memory(err, n_fft, "a front end");
    if (status == STY_OK) *state = made;
    else sty_front_end_state_free(made);
    return status;
}

void sty_front_end_state_free(sty_front_end_state *state) {
    if (!state) return;
    sty_stft_free(state->stft);
    sty_resampler_free(state->resampler);
    sty_free(state->mono.data);
    sty_free(state->resampled.data);
    sty_free(state->padded.data);
    sty_free(state->features.data);
    sty_free(state->power);
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

static sty_status to_mono(sty_front_end_state *state, const sty_clip *clip, sty_err *err) {
    const sty_front_end_params *p = &state->plan->params;
    const size_t n = clip->info.n_frames;
    const int c = clip->info.n_channels;
    STY_TRY(grow(&state->mono, n, err));
    if (c > 1 && p->channels == CHANNELS_ERROR)
        return sty_err_set(err, STY_BAD_CHANNELS, "the clip has %d channels, the model wants one", c);
    if (c > 1 && p->channels == CHANNELS_FIRST)
        for (size_t i = 0; i < n; i++)
            state->mono.data[i] = clip->samples[i * (size_t)c];
    else sty_wave_mix(clip->samples, n, c, state->mono.data);
    return STY_OK;
}

static sty_status to_rate(sty_front_end_state *state, int rate_hz, float **x, size_t *n,
                          sty_err *err) {
    const sty_front_end_params *p = &state->plan->params;
    *x = state->mono.data;
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
    const size_t length = sty_resample_length(*n, rate_hz, p->sample_rate);
    STY_TRY(grow(&state->resampled, length, err));
    STY_TRY(sty_resampler_run(state->resampler, state->mono.data, *n, state->resampled.data, err));
    *x = state->resampled.data;
    *n = length;
    return STY_OK;
}

static size_t milliseconds(const sty_front_end_params *p, double ms) {
    return (size_t)(ms * p->sample_rate / 1000.0);
}

/* Zeros at the ends need room: the samples move into the buffer that they are not in. */
static sty_status add_zeros(sty_front_end_state *state, size_t before, size_t after, float **x,
                            size_t *n, sty_err *err) {
    if (before + after == 0) return STY_OK;
    grown *to = *x >= state->resampled.data && *x < state->resampled.data + state->resampled.capacity
                    ? &state->mono
                    : &state->resampled;
    STY_TRY(grow(to, before + *n + after, err));
    memset(to->data, 0, before * sizeof(float));
    memcpy(to->data + before, *x, *n * sizeof(float));
    memset(to->data + before + *n, 0, after * sizeof(float));
    *x = to->data;
    *n += before + after;
    return STY_OK;
}

static sty_status one_step(sty_front_end_state *state, sty_wave_step step, float **x, size_t *n,
                           sty_err *err) {
    const sty_front_end_params *p = &state->plan->params;
    size_t begin = 0, end = *n;
    switch (step) {
    case STY_STEP_CUT:
        begin = milliseconds(p, p->cut_head_ms);
        end = milliseconds(p, p->cut_tail_ms);
        end = end < *n ? *n - end : 0;
        begin = begin < end ? begin : end;
        break;
    case STY_STEP_TRIM:
        if (!isnan(p->trim) && *n > 0)
            sty_wave_trim(*x, *n, p->trim, (size_t)p->trim_frame_length,
                          (size_t)p->trim_hop_length, p->trim_padding == PAD_REFLECT, &begin, &end);
        break;
    case STY_STEP_LEVEL: sty_wave_level(*x, *n, (sty_level)p->level, p->level_target); break;
    case STY_STEP_PRE_EMPHASIS:
        if (p->pre_emphasis != 0) sty_wave_pre_emphasis(*x, *n, (float)p->pre_emphasis);
        break;
    case STY_STEP_CLIP:
        if (p->clip) sty_wave_clip(*x, *n, -1.0f, 1.0f);
        break;
    case STY_STEP_PAD: return add_zeros(state, (size_t)p->pad_samples, (size_t)p->pad_samples, x, n, err);
    case STY_N_STEPS: break;
    }
    *x += begin;
    *n = end - begin;
    return STY_OK;
}

static sty_status prepare_samples(sty_front_end_state *state, const sty_clip *clip, float **x,
                                  size_t *n, sty_err *err) {
    const sty_front_end_params *p = &state->plan->params;
    *n = clip->info.n_frames;
    STY_TRY(to_mono(state, clip, err));
    STY_TRY(to_rate(state, clip->info.rate_hz, x, n, err));
    show(state, "samples", *x, *n);
    for (size_t i = 0; p->input_gain != 1 && i < *n; i++)
        (*x)[i] *= (float)p->input_gain;
    for (size_t i = 0; i < STY_N_STEPS; i++) {
        STY_TRY(one_step(state, (sty_wave_step)p->order[i], x, n, err));
        show(state, sty_params_find(sty_front_end_table, sty_n_front_end_params, "order")
                        ->choices[p->order[i]], *x, *n);
    }
    state->n_padded = *n > 0 && *n < state->least ? state->least - *n : 0;
    return add_zeros(state, 0, state->n_padded, x, n, err);
}

/* ---- frames ---- */

static sty_status pad_for_frames(sty_front_end_state *state, const float *x, size_t n,
                                 sty_err *err) {
    const sty_front_end_params *p = &state->plan->params;
    const size_t pad = padding_of(p);
    STY_TRY(grow(&state->padded, n + 2 * pad, err));
    float *to = state->padded.data;
    memcpy(to + pad, x, n * sizeof *to);
    for (size_t i = 0; i < pad; i++) {
        const long long before = -(long long)(i + 1), after = (long long)(n + i);
        to[pad - 1 - i] = p->pad_mode == PAD_REFLECT ? x[sty_wave_reflect(before, n)] : 0.0f;
        to[pad + n + i] = p->pad_mode == PAD_REFLECT ? x[sty_wave_reflect(after, n)] : 0.0f;
    }
    return STY_OK;
}

/* |X|^2 to |X|^power with the guard. */
static void magnitude(const sty_front_end_params *p, float *power, size_t n) {
    const float eps = (float)p->magnitude_eps;
    for (size_t i = 0; i < n; i++) {
        const float guarded = p->magnitude_eps_rule == EPS_ADD ? power[i] + eps
                              : power[i] < eps                 ? eps
                                                               : power[i];
        power[i] = p->power == 1 ? sqrtf(guarded) : guarded;
    }
}

/* Logarithm and maps over one frame y[F]. */
static void finish_frame(const sty_front_end *plan, float *y, size_t n) {
    const sty_front_end_params *p = &plan->params;
    const float floor_ = (float)p->log_floor, gain = (float)p->log_gain;
    const bool ranged = !isnan(p->range_min);
    for (size_t i = 0; i < n; i++) {
        float v = y[i];
        if (p->log != LOG_NONE) {
            if (v > (float)p->log_ceiling) v = (float)p->log_ceiling; /* NAN: never */
            v = p->log_floor_rule == FLOOR_ADD ? v + floor_ : v < floor_ ? floor_ : v;
            v = gain * (p->log == LOG_LN ? logf(v) : log10f(v));
        }
        if (ranged) {
            v = (v - (float)p->range_ref - (float)p->range_min) / -(float)p->range_min;
            v *= (float)(p->range_symmetric ? 2 * p->range_max : p->range_max);
            if (p->range_symmetric) v -= (float)p->range_max;
        }
        v = (v - (float)p->mean) / (float)p->std;
        if (plan->mean) v -= plan->mean[i];
        if (plan->std) v /= plan->std[i];
        if (v < (float)p->clip_low) v = (float)p->clip_low;
        if (v > (float)p->clip_high) v = (float)p->clip_high;
        y[i] = v;
    }
}

static void run_frames(sty_front_end_state *state, size_t n_frames, float *features) {
    const sty_front_end *plan = state->plan;
    const sty_front_end_params *p = &plan->params;
    const size_t hop = (size_t)p->hop_length, n_bins = (size_t)p->n_fft / 2 + 1;
    const size_t width = sty_front_end_width(p);
    for (size_t t = 0; t < n_frames; t += STY_STFT_BLOCK) {
        const size_t n = n_frames - t < STY_STFT_BLOCK ? n_frames - t : STY_STFT_BLOCK;
        sty_stft_power(state->stft, state->padded.data + t * hop, hop, n, state->power);
        magnitude(p, state->power, n * n_bins);
        for (size_t i = 0; i < n; i++) {
            float *y = features + (t + i) * width;
            const float *spectrum = state->power + i * n_bins;
            if (p->feature == FEATURE_MEL) sty_mel_apply(&plan->mel, spectrum, y);
            else memcpy(y, spectrum + p->first_bin, width * sizeof *y);
            finish_frame(plan, y, width);
        }
    }
}

static sty_status too_short(const sty_front_end_params *p, size_t n, sty_err *err) {
    const size_t least = sty_front_end_samples(p, 1);
    return sty_err_set(err, STY_TOO_SHORT,
                       "%zu samples at %d Hz remain, the front end needs at least %zu (%.3f s)", n,
                       p->sample_rate, least, (double)least / p->sample_rate);
}

sty_status sty_front_end_run(sty_front_end_state *state, const sty_clip *clip, float **features,
                             size_t *n_frames, sty_err *err) {
    const sty_front_end_params *p = &state->plan->params;
    const size_t width = sty_front_end_width(p), multiple = (size_t)p->frame_multiple;
    float *x = NULL;
    size_t n, n_values;
    STY_TRY(prepare_samples(state, clip, &x, &n, err));
    const size_t total = sty_front_end_frames(p, n);
    if (total == 0) return too_short(p, n, err);
    if (!sty_mul(total, width, &n_values)) return sty_err_no_memory(err, SIZE_MAX, "features");
    STY_TRY(grow(&state->features, n_values, err));
    STY_TRY(pad_for_frames(state, x, n, err));
    sty_front_end_params whole = *p;
    whole.frame_multiple = 1;
    const size_t real = multiple == 1 ? total : sty_front_end_frames(&whole, n);
    run_frames(state, real, state->features.data);
    for (size_t i = real * width; i < n_values; i++)
        state->features.data[i] = (float)p->frame_pad_value;
    if (state->stage)
        state->stage(state->stage_context, "features", state->features.data, 2,
                     (const size_t[]){total, width});
    *features = state->features.data;
    *n_frames = total;
    return STY_OK;
}
