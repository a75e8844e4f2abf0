/* conv.c - convolution as matrix products that read the image in place.
 *
 * For output bin f' and kernel row df, the input row is f = f' sf + df dil - pad.
 * Its frames are stored one after another, so output frame t' needs the
 * kt C floats from frame t' st on: a matrix A[T', kt C] with row stride st C.
 * BLAS wants a row stride of at least the row length, so the kt C columns are
 * taken in pieces of at most st C, each piece one product that adds up.
 * Zero frames at both ends are real memory (a padded copy of the row's frames);
 * rows outside the image are left out.
 *
 * Few input channels, or one per group, make products too thin for BLAS: those
 * go through direct loops over the output channels. */
#include "math/conv.h"

#include "base/check.h"
#include "math/gemm.h"

#include <stdbool.h>
#include <string.h>

enum { TIME, FREQUENCY };

/* Below this many channels per group the direct loops win. */
enum { THIN = 4 };

size_t sty_conv_length(const sty_conv *conv, int axis, size_t n) {
    const size_t padded = n + conv->pad_before[axis] + conv->pad_after[axis];
    const size_t span = (conv->kernel[axis] - 1) * conv->dilation[axis] + 1;
    return padded < span ? 0 : (padded - span) / conv->stride[axis] + 1;
}

size_t sty_conv_packed(const sty_conv *conv) {
    return conv->kernel[0] * conv->kernel[1] * (conv->in_channels / conv->groups) *
           conv->out_channels;
}

static size_t padded_frames(const sty_conv *conv, size_t n_frames) {
    return n_frames + conv->pad_before[TIME] + conv->pad_after[TIME];
}

size_t sty_conv_scratch(const sty_conv *conv, size_t n_bins, size_t n_frames) {
    if (conv->pad_before[TIME] + conv->pad_after[TIME] == 0) return 0;
    return n_bins * padded_frames(conv, n_frames) * conv->in_channels;
}

/* packed: [groups][kernel frequency][kernel time][in / groups][out / groups] */
void sty_conv_pack(const sty_conv *conv, const float *weight, const float *gain, float *packed) {
    const size_t ci = conv->in_channels / conv->groups, co = conv->out_channels / conv->groups;
    const size_t kt = conv->kernel[TIME], kf = conv->kernel[FREQUENCY];
    for (size_t o = 0; o < conv->out_channels; o++)
        for (size_t i = 0; i < ci; i++)
            for (size_t t = 0; t < kt; t++)
                for (size_t f = 0; f < kf; f++) {
                    const size_t g = o / co;
                    const float w = weight[((o * ci + i) * kt + t) * kf + f];
                    packed[(((g * kf + f) * kt + t) * ci + i) * co + o % co] =
                        gain ? w * gain[o] : w;
                }
}

/* x with zero frames at both ends of every row. */
static const float *pad_rows(const sty_conv *conv, const float *x, size_t n_bins, size_t n_frames,
                             float *scratch) {
    const size_t c = conv->in_channels, row = padded_frames(conv, n_frames) * c;
    const size_t before = conv->pad_before[TIME] * c, after = conv->pad_after[TIME] * c;
    if (before + after == 0) return x;
    for (size_t f = 0; f < n_bins; f++) {
        float *to = scratch + f * row;
        memset(to, 0, before * sizeof *to);
        memcpy(to + before, x + f * n_frames * c, n_frames * c * sizeof *to);
        memset(to + row - after, 0, after * sizeof *to);
    }
    return scratch;
}

static void fill_bias(float *out, size_t n_frames, size_t c, const float *bias) {
    if (!bias) {
        memset(out, 0, n_frames * c * sizeof *out);
        return;
    }
    for (size_t t = 0; t < n_frames; t++)
        memcpy(out + t * c, bias, c * sizeof *out);
}

/* out row += one kernel row of the padded input row, by matrix products. */
static void add_row_product(const sty_conv *conv, const float *row, const float *weights,
                            size_t group, size_t out_frames, float *out) {
    const size_t c = conv->in_channels, co = conv->out_channels / conv->groups;
    const size_t ci = c / conv->groups, step = conv->stride[TIME] * c;
    const bool contiguous = conv->groups == 1 && conv->dilation[TIME] == 1;
    const size_t total = conv->kernel[TIME] * ci;
    const size_t piece = contiguous ? (step < total ? step : total) : ci;
    for (size_t at = 0; at < total; at += piece) {
        const size_t k = total - at < piece ? total - at : piece;
        const size_t offset = contiguous ? at : at / ci * conv->dilation[TIME] * c + group * ci;
        sty_gemm(out_frames, co, k, row + offset, step, weights + at * co, co, true,
                 out + group * co, conv->out_channels);
    }
}

/* The same by direct loops, for thin groups. */
static void add_row_direct(const sty_conv *conv, const float *row, const float *weights,
                           size_t group, size_t out_frames, float *out) {
    const size_t c = conv->in_channels, co = conv->out_channels / conv->groups;
    const size_t ci = c / conv->groups;
    for (size_t t = 0; t < out_frames; t++) {
        float *to = out + t * conv->out_channels + group * co;
        const float *from = row + t * conv->stride[TIME] * c + group * ci;
        const float *w = weights;
        for (size_t k = 0; k < conv->kernel[TIME]; k++, from += conv->dilation[TIME] * c)
            for (size_t i = 0; i < ci; i++, w += co) {
                const float v = from[i];
                for (size_t o = 0; o < co; o++)
                    to[o] += v * w[o];
            }
    }
}

/* One channel in and one out per group: channels side by side. */
static void add_row_depthwise(const sty_conv *conv, const float *row, const float *packed,
                              size_t df, size_t out_frames, float *out) {
    const size_t c = conv->in_channels;
    const size_t kt = conv->kernel[TIME], kf = conv->kernel[FREQUENCY];
    for (size_t t = 0; t < out_frames; t++) {
        const float *from = row + t * conv->stride[TIME] * c;
        float *to = out + t * c;
        for (size_t k = 0; k < kt; k++, from += conv->dilation[TIME] * c)
            for (size_t j = 0; j < c; j++)
                to[j] += from[j] * packed[(j * kf + df) * kt + k];
    }
}

static void add_row(const sty_conv *conv, const float *row, const float *packed, size_t df,
                    size_t out_frames, float *out) {
    const size_t ci = conv->in_channels / conv->groups, co = conv->out_channels / conv->groups;
    const size_t kernel_row = conv->kernel[TIME] * ci * co;
    if (ci == 1 && co == 1 && conv->groups > 1) {
        add_row_depthwise(conv, row, packed, df, out_frames, out);
        return;
    }
    for (size_t g = 0; g < conv->groups; g++) {
        const float *weights = packed + (g * conv->kernel[FREQUENCY] + df) * kernel_row;
        if (ci < THIN) add_row_direct(conv, row, weights, g, out_frames, out);
        else add_row_product(conv, row, weights, g, out_frames, out);
    }
}

void sty_conv_run(const sty_conv *conv, const float *packed, const float *bias, const float *x,
                  size_t n_bins, size_t n_frames, float *out, float *scratch) {
    const size_t out_bins = sty_conv_length(conv, FREQUENCY, n_bins);
    const size_t out_frames = sty_conv_length(conv, TIME, n_frames);
    const size_t row = padded_frames(conv, n_frames) * conv->in_channels;
    const float *padded = pad_rows(conv, x, n_bins, n_frames, scratch);
    for (size_t f = 0; f < out_bins; f++) {
        float *to = out + f * out_frames * conv->out_channels;
        fill_bias(to, out_frames, conv->out_channels, bias);
        for (size_t df = 0; df < conv->kernel[FREQUENCY]; df++) {
            const size_t shifted = f * conv->stride[FREQUENCY] + df * conv->dilation[FREQUENCY];
            if (shifted < conv->pad_before[FREQUENCY]) continue;
            const size_t bin = shifted - conv->pad_before[FREQUENCY];
            if (bin < n_bins) add_row(conv, padded + bin * row, packed, df, out_frames, to);
        }
    }
}
