/* front_end.c - front ends as immutable plans: window, filters, the steps of a block
 * of frames, and how many frames a clip gives. */
#include "audio/front_end_plan.h"

#include <math.h>

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

/* The logarithm's gain, the range map, mean and deviation as one affine map, in
 * double: y = log(v) scale + offset. */
static void make_map(const sty_front_end_params *p, sty_stft_spec *spec) {
    double scale = 1, offset = 0;
    spec->log = p->log != LOG_NONE;
    if (p->log != LOG_NONE) scale = p->log == LOG_LN ? p->log_gain : p->log_gain / log(10.0);
    if (!isnan(p->range_min)) {
        const double top = p->range_symmetric ? 2 * p->range_max : p->range_max;
        scale *= top / -p->range_min;
        offset = (p->range_ref + p->range_min) / p->range_min * top - (p->range_symmetric ? p->range_max : 0);
    }
    spec->scale = scale / p->std;
    spec->offset = (offset - p->mean) / p->std;
}

static sty_stft_spec make_spec(const sty_front_end *plan, const float *mean, const float *std) {
    const sty_front_end_params *p = &plan->params;
    sty_stft_spec spec = {.n_fft = (size_t)p->n_fft,
                          .window = plan->window,
                          .eps = (float)p->magnitude_eps,
                          .eps_clamps = p->magnitude_eps_rule == EPS_CLAMP,
                          .root = p->power == 1,
                          .mel = p->feature == FEATURE_MEL ? &plan->mel : NULL,
                          .first_bin = (size_t)p->first_bin,
                          .width = sty_front_end_width(p),
                          .floor_adds = p->log_floor_rule == FLOOR_ADD,
                          .floor = (float)p->log_floor,
                          .ceiling = isnan(p->log_ceiling) ? INFINITY : (float)p->log_ceiling,
                          .mean = mean,
                          .std = std,
                          .low = isnan(p->clip_low) ? -INFINITY : (float)p->clip_low,
                          .high = isnan(p->clip_high) ? INFINITY : (float)p->clip_high};
    make_map(p, &spec);
    return spec;
}

sty_stft_spec sty_front_end_step_spec(const sty_front_end *plan, sty_front_end_step step) {
    const sty_front_end_params *p = &plan->params;
    sty_stft_spec spec = plan->spec;
    spec.mean = spec.std = NULL;
    spec.low = -INFINITY;
    spec.high = INFINITY;
    spec.scale = p->log == LOG_LN ? p->log_gain : p->log_gain / log(10.0);
    spec.offset = 0;
    if (step < STY_LOG) {
        spec.log = false;
        spec.scale = 1;
    }
    if (step < STY_MEL) {
        spec.mel = NULL;
        spec.first_bin = 0;
        spec.width = spec.n_fft / 2 + 1;
    }
    if (step < STY_MAGNITUDE) {
        spec.eps = 0;
        spec.root = false;
    }
    return spec;
}

sty_status sty_front_end_create(const sty_front_end_params *params, const float *mean,
                                const float *std, sty_arena *arena, const sty_front_end **made,
                                sty_err *err) {
    sty_front_end *plan = sty_arena_alloc(arena, 1, sizeof *plan);
    if (!plan) return sty_err_no_memory(err, sizeof *plan, "the front end");
    plan->params = *params;
    plan->window = make_window(params, arena);
    if (!plan->window) return sty_err_no_memory(err, (size_t)params->n_fft * 4, "the window");
    if (params->feature == FEATURE_MEL) STY_TRY(make_mel(params, arena, &plan->mel, err));
    plan->spec = make_spec(plan, mean, std);
    *made = plan;
    return STY_OK;
}

const sty_front_end_params *sty_front_end_facts(const sty_front_end *front_end) {
    return &front_end->params;
}

size_t sty_front_end_padding(const sty_front_end_params *p) {
    if (p->padding == PADDING_CENTER) return (size_t)p->n_fft / 2;
    if (p->padding == PADDING_HIFIGAN) return (size_t)(p->n_fft - p->hop_length) / 2;
    return 0;
}

size_t sty_front_end_real_frames(const sty_front_end_params *p, size_t n_samples) {
    const size_t pad = sty_front_end_padding(p), padded = n_samples + 2 * pad, hop = (size_t)p->hop_length;
    if (padded < (size_t)p->n_fft || n_samples == 0) return 0;
    if (p->pad_mode == PAD_REFLECT && pad > 0 && n_samples <= pad) return 0;
    size_t n = (padded - (size_t)p->n_fft) / hop + 1;
    if (p->last_frame == LAST_DROP) n--;
    if (p->last_frame == LAST_DROP_IF_EXACT && n_samples % hop == 0) n--;
    return n;
}

size_t sty_front_end_frames(const sty_front_end_params *p, size_t n_samples) {
    const size_t n = sty_front_end_real_frames(p, n_samples), multiple = (size_t)p->frame_multiple;
    return (n + multiple - 1) / multiple * multiple;
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
