/* conv_exact.c - see conv_exact.h. Plain loops: one output value after the other. */
#include "math/conv_exact.h"

#include <math.h>

enum { TIME, FREQUENCY };

/* One output value: output channel o at (frequency, time). */
static double one(const sty_conv *conv, const float *weight, const double *x, size_t n_bins,
                  size_t n_frames, size_t o, size_t f, size_t t) {
    const size_t inside = conv->in_channels / conv->groups;
    const size_t first = o / (conv->out_channels / conv->groups) * inside;
    const size_t taps = conv->kernel[TIME] * conv->kernel[FREQUENCY];
    const float *w = weight + o * inside * taps;
    double sum = 0;
    for (size_t kt = 0; kt < conv->kernel[TIME]; kt++)
        for (size_t kf = 0; kf < conv->kernel[FREQUENCY]; kf++) {
            /* positions before the input wrap to huge values and are left out */
            const size_t row = t * conv->stride[TIME] + kt * conv->dilation[TIME] - conv->pad_before[TIME];
            const size_t bin = f * conv->stride[FREQUENCY] + kf * conv->dilation[FREQUENCY] - conv->pad_before[FREQUENCY];
            if (row >= n_frames || bin >= n_bins) continue;
            const double *from = x + (bin * n_frames + row) * conv->in_channels + first;
            for (size_t i = 0; i < inside; i++)
                sum += (double)w[i * taps + kt * conv->kernel[FREQUENCY] + kf] * from[i];
        }
    return sum;
}

void sty_conv_run_exact(const sty_conv *conv, const float *weight, const float *bias, const double *x,
                        size_t n_bins, size_t n_frames, double *out) {
    const size_t bins = sty_conv_length(conv, FREQUENCY, n_bins), frames = sty_conv_length(conv, TIME, n_frames);
    for (size_t f = 0; f < bins; f++)
        for (size_t t = 0; t < frames; t++)
            for (size_t o = 0; o < conv->out_channels; o++)
                *out++ = one(conv, weight, x, n_bins, n_frames, o, f, t) + (bias ? (double)bias[o] : 0.0);
}

void sty_activate_exact(sty_activation kind, double slope, double *x, size_t n) {
    if (kind == STY_ACT_NONE) return;
    const double below = kind == STY_ACT_RELU ? 0 : slope;
    for (size_t i = 0; i < n; i++) {
        if (kind == STY_ACT_RELU || kind == STY_ACT_LEAKY_RELU) {
            if (x[i] < 0) x[i] *= below;
            continue;
        }
        float y = (float)x[i];
        sty_activate(kind, (float)slope, &y, 1);
        x[i] = (double)y;
    }
}

void sty_instance_norm_exact(const double *x, size_t n, size_t c, double eps, const float *gain,
                             const float *shift, float *out) {
    for (size_t j = 0; j < c; j++) {
        double sum = 0, squares = 0;
        for (size_t i = 0; i < n; i++)
            sum += x[i * c + j];
        const double mean = sum / (double)n;
        for (size_t i = 0; i < n; i++)
            squares += (x[i * c + j] - mean) * (x[i * c + j] - mean);
        const double scale = (gain ? (double)gain[j] : 1.0) / sqrt(squares / (double)n + eps);
        for (size_t i = 0; i < n; i++)
            out[i * c + j] = (float)((x[i * c + j] - mean) * scale + (shift ? (double)shift[j] : 0.0));
    }
}
