/* mel.c - filter design in double, application in float over the few bins each
 * filter touches. */
#include "audio/mel.h"

#include <math.h>

/* Slaney's scale: linear to 1000 Hz at 200/3 Hz a mel, then logarithmic with 27
 * mels to the factor 6.4 (Auditory Toolbox; librosa.hz_to_mel). */
static const double linear_step = 200.0 / 3.0;
static const double log_start = 1000.0;

static double log_step(void) { return log(6.4) / 27.0; }

static double to_mel(double hz, bool htk) {
    if (htk) return 2595.0 * log10(1.0 + hz / 700.0);
    if (hz < log_start) return hz / linear_step;
    return log_start / linear_step + log(hz / log_start) / log_step();
}

static double to_hz(double mel, bool htk) {
    if (htk) return 700.0 * (pow(10.0, mel / 2595.0) - 1.0);
    const double knee = log_start / linear_step;
    return mel < knee ? mel * linear_step : log_start * exp(log_step() * (mel - knee));
}

void sty_mel_corners(const sty_mel_spec *spec, double *hz) {
    const double low = to_mel(spec->fmin_hz, spec->htk), high = to_mel(spec->fmax_hz, spec->htk);
    for (size_t i = 0; i < spec->n_mels + 2; i++)
        hz[i] = to_hz(low + (high - low) * (double)i / (double)(spec->n_mels + 1), spec->htk);
}

/* Weight of bin k in the filter with corners f[0], f[1], f[2]. */
static double weight(const sty_mel_spec *spec, const double *f, size_t k) {
    const double hz = (double)k * spec->rate_hz / (double)spec->n_fft;
    const double rise = (hz - f[0]) / (f[1] - f[0]), fall = (f[2] - hz) / (f[2] - f[1]);
    const double w = fmax(0, fmin(rise, fall));
    return spec->slaney_norm ? w * 2.0 / (f[2] - f[0]) : w;
}

/* A bin at or below a frequency, one more below to be safe from rounding. */
static size_t bin_below(const sty_mel_spec *spec, double hz, size_t n_bins) {
    const double k = floor(hz / spec->rate_hz * (double)spec->n_fft);
    return k < 1 ? 0 : k > (double)n_bins ? n_bins : (size_t)k - 1;
}

sty_status sty_mel_create(const sty_mel_spec *spec, sty_arena *arena, sty_mel *mel, sty_err *err) {
    const size_t n_bins = spec->n_fft / 2 + 1;
    double *corners = sty_alloc(spec->n_mels + 2, sizeof *corners);
    sty_mel_filter *filters = sty_arena_alloc(arena, spec->n_mels, sizeof *filters);
    if (!corners || !filters) {
        sty_free(corners);
        return sty_err_no_memory(err, spec->n_mels * sizeof *filters, "mel filters");
    }
    sty_mel_corners(spec, corners);
    for (size_t m = 0; m < spec->n_mels; m++) {
        size_t first = bin_below(spec, corners[m], n_bins), end = bin_below(spec, corners[m + 2], n_bins) + 3;
        if (end > n_bins) end = n_bins;
        while (first < end && weight(spec, corners + m, first) <= 0)
            first++;
        while (end > first && weight(spec, corners + m, end - 1) <= 0)
            end--;
        float *weights = sty_arena_alloc(arena, end - first, sizeof *weights);
        if (!weights) {
            sty_free(corners);
            return sty_err_no_memory(err, (end - first) * sizeof *weights, "mel filters");
        }
        for (size_t k = first; k < end; k++)
            weights[k - first] = (float)weight(spec, corners + m, k);
        filters[m] = (sty_mel_filter){.first = first, .n = end - first, .weights = weights};
    }
    sty_free(corners);
    *mel = (sty_mel){.n_mels = spec->n_mels, .n_bins = n_bins, .filters = filters};
    return STY_OK;
}

void sty_mel_apply(const sty_mel *mel, const float *spectrum, float *out) {
    for (size_t m = 0; m < mel->n_mels; m++) {
        const sty_mel_filter *filter = &mel->filters[m];
        const float *from = spectrum + filter->first;
        float sum = 0.0f;
        for (size_t k = 0; k < filter->n; k++)
            sum += filter->weights[k] * from[k];
        out[m] = sum;
    }
}
