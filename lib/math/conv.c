/* conv.c - convolution that reads the image in place.
 *
 * For output bin f' and kernel row df, the input row is f = f' sf + df dil - pad.
 * Its frames are stored one after another, so the window of output frame t' is one
 * run of kt C floats from frame t' st on (dil apart when dilated). The kernels take
 * a table of such windows and keep a block of frames by channels in registers: no
 * im2col, no padded copy. Windows that reach over either end of a row point into
 * short strips instead, where the end of the row stands beside its zeros; rows
 * outside the image are left out.
 *
 * Tiles of one row share the windows, blocks of one tile share the weights while
 * they are in the cache. One channel per group on both sides (depthwise) has a
 * kernel of its own, three bins in a row go through winograd.c. Nothing here depends on the processor
 * but the kernels. */
#include "math/conv.h"

#include "base/check.h"
#include "math/tiles.h"
#include "math/winograd.h"

#include <stdbool.h>
#include <string.h>

enum { TIME, FREQUENCY };

sty_conv sty_conv_same(size_t in_channels, size_t out_channels, size_t kernel, size_t groups) {
    return (sty_conv){.in_channels = in_channels,
                      .out_channels = out_channels,
                      .groups = groups,
                      .kernel = {kernel, 1},
                      .stride = {1, 1},
                      .dilation = {1, 1},
                      .pad_before = {kernel / 2, 0},
                      .pad_after = {kernel / 2, 0}};
}

size_t sty_conv_length(const sty_conv *conv, int axis, size_t n) {
    const size_t padded = n + conv->pad_before[axis] + conv->pad_after[axis];
    const size_t span = (conv->kernel[axis] - 1) * conv->dilation[axis] + 1;
    return padded < span ? 0 : (padded - span) / conv->stride[axis] + 1;
}

bool sty_conv_bin_by_bin(const sty_conv *conv) { return !sty_winograd_fits(conv); }

static size_t clamp(size_t i, size_t low, size_t high) { return i < low ? low : i > high ? high : i; }

sty_conv sty_conv_of_bins(const sty_conv *conv, size_t first, size_t n, size_t *n_bins) {
    sty_conv some = *conv;
    /* counted from the first zero; the image is [pad, pad + n_bins) */
    const size_t pad = conv->pad_before[FREQUENCY], begin = first * conv->stride[FREQUENCY];
    const size_t span = (conv->kernel[FREQUENCY] - 1) * conv->dilation[FREQUENCY] + 1;
    const size_t end = begin + (n - 1) * conv->stride[FREQUENCY] + span;
    const size_t from = clamp(begin, pad, pad + *n_bins), to = clamp(end, pad, pad + *n_bins);
    some.pad_before[FREQUENCY] = clamp(from, begin, end) - begin;
    some.pad_after[FREQUENCY] = end - clamp(to, begin, end);
    *n_bins = to - from;
    return some;
}

static bool is_depthwise(const sty_conv *conv) {
    return conv->groups > 1 && conv->groups == conv->in_channels && conv->groups == conv->out_channels;
}

static size_t tiles_per_group(const sty_conv *conv) {
    return (conv->out_channels / conv->groups + STY_CONV_TILE - 1) / STY_CONV_TILE;
}

size_t sty_conv_packed(const sty_conv *conv) {
    if (sty_winograd_fits(conv)) return sty_winograd_packed(conv);
    const size_t taps = conv->kernel[TIME] * conv->kernel[FREQUENCY];
    if (is_depthwise(conv)) return taps * conv->out_channels;
    return taps * (conv->in_channels / conv->groups) * conv->groups * tiles_per_group(conv) *
           STY_CONV_TILE;
}

/* Frames of input that one window covers. */
static size_t window_span(const sty_conv *conv) {
    return (conv->kernel[TIME] - 1) * conv->dilation[TIME] + 1;
}

/* Output frames at each end whose windows reach over it, at most. */
static size_t frames_before(const sty_conv *conv) {
    return (conv->pad_before[TIME] + conv->stride[TIME] - 1) / conv->stride[TIME];
}

static size_t frames_after(const sty_conv *conv) {
    return (conv->pad_after[TIME] + conv->stride[TIME] - 1) / conv->stride[TIME];
}

static size_t strip_frames(const sty_conv *conv, size_t n_windows) {
    return n_windows == 0 ? 0 : (n_windows - 1) * conv->stride[TIME] + window_span(conv);
}

size_t sty_conv_scratch(const sty_conv *conv, size_t n_bins, size_t n_frames) {
    if (sty_winograd_fits(conv)) return sty_winograd_scratch(conv, n_bins, n_frames);
    return conv->kernel[FREQUENCY] * conv->in_channels *
           (strip_frames(conv, frames_before(conv)) + strip_frames(conv, frames_after(conv)));
}

/* packed: [group][tile][kernel frequency][kernel time][in / groups][STY_CONV_TILE],
 * zeros for channels that a last tile lacks; depthwise [frequency][time][C] */
void sty_conv_pack(const sty_conv *conv, const float *weight, const float *gain, float *packed) {
    const size_t ci = conv->in_channels / conv->groups, co = conv->out_channels / conv->groups;
    const size_t kt = conv->kernel[TIME], kf = conv->kernel[FREQUENCY];
    if (sty_winograd_fits(conv)) {
        sty_winograd_pack(conv, weight, gain, packed);
        return;
    }
    memset(packed, 0, sty_conv_packed(conv) * sizeof *packed);
    const size_t channel = is_depthwise(conv) ? conv->out_channels : STY_CONV_TILE, tap = ci * channel;
    for (size_t o = 0; o < conv->out_channels; o++) {
        const size_t tile = o / co * tiles_per_group(conv) + o % co / STY_CONV_TILE;
        const float g = gain ? gain[o] : 1;
        float *to = packed + (is_depthwise(conv) ? o : tile * kf * kt * tap + o % co % STY_CONV_TILE);
        for (size_t i = 0; i < ci; i++, to += channel)
            for (size_t t = 0; t < kt; t++)
                for (size_t f = 0; f < kf; f++)
                    to[(f * kt + t) * tap] = *weight++ * g;
    }
}

/* One output row being computed. */
typedef struct {
    const sty_conv *conv;
    const sty_kernels *kernels;
    const float *x; /* the input row of the first kernel row inside the image */
    size_t n_frames, out_frames;
    size_t n_rows, row_step; /* kernel rows inside the image, floats between their input rows */
    const float *weights, *bias; /* weights from the first of those kernel rows on */
    float *head, *tail;          /* strips [n_rows][frames][C] */
    size_t head_frames, tail_frames, tail_first; /* tail_first: its first output frame */
    float *out;
} conv_row;

/* Frames begin to begin + n of every row, counted from the padded start. */
static void fill_strip(const conv_row *row, size_t begin, size_t n, float *to) {
    const size_t c = row->conv->in_channels, pad = row->conv->pad_before[TIME];
    for (size_t r = 0; r < row->n_rows; r++)
        for (size_t at = begin; at < begin + n; at++, to += c) {
            if (at < pad || at - pad >= row->n_frames) memset(to, 0, c * sizeof *to);
            else memcpy(to, row->x + r * row->row_step + (at - pad) * c, c * sizeof *to);
        }
}

static void fill_strips(conv_row *row) {
    const sty_conv *conv = row->conv;
    const size_t reach = row->n_frames + conv->pad_before[TIME], span = window_span(conv);
    /* the first window that ends behind the last frame */
    const size_t tail = reach < span ? 0 : (reach - span) / conv->stride[TIME] + 1;
    row->tail_first = tail < row->out_frames ? tail : row->out_frames;
    row->head_frames = strip_frames(conv, frames_before(conv));
    row->tail_frames = strip_frames(conv, row->out_frames - row->tail_first);
    fill_strip(row, 0, row->head_frames, row->head);
    fill_strip(row, row->tail_first * conv->stride[TIME], row->tail_frames, row->tail);
}

static sty_conv_window window_of(const conv_row *row, size_t t) {
    const sty_conv *conv = row->conv;
    const size_t c = conv->in_channels, at = t * conv->stride[TIME];
    if (t >= row->tail_first)
        return (sty_conv_window){row->tail + (at - row->tail_first * conv->stride[TIME]) * c,
                                 row->tail_frames * c};
    if (at < conv->pad_before[TIME])
        return (sty_conv_window){row->head + at * c, row->head_frames * c};
    return (sty_conv_window){row->x + (at - conv->pad_before[TIME]) * c, row->row_step};
}

/* Output frames t to t + n, all channels. */
static void run_tiles(const conv_row *row, const sty_conv_window *windows, size_t t, size_t n) {
    const sty_conv *conv = row->conv;
    const size_t ci = conv->in_channels / conv->groups, co = conv->out_channels / conv->groups;
    const bool contiguous = conv->groups == 1 && conv->dilation[TIME] == 1;
    sty_conv_tile tile = {.windows = windows,
                          .n_frames = n,
                          .n_rows = row->n_rows,
                          .n_taps = contiguous ? 1 : conv->kernel[TIME],
                          .tap_step = conv->dilation[TIME] * conv->in_channels,
                          .run = contiguous ? conv->kernel[TIME] * ci : ci,
                          .chunk = conv->kernel[TIME] * conv->kernel[FREQUENCY] == 1 ? STY_LINEAR_CHUNK
                                                                                     : STY_CONV_CHUNK,
                          .weights = row->weights,
                          .out_step = conv->out_channels,
                          .activation = conv->activation,
                          .slope = conv->slope};
    const size_t step = conv->kernel[FREQUENCY] * conv->kernel[TIME] * ci * STY_CONV_TILE;
    for (size_t g = 0; g < conv->groups; g++) {
        tile.offset = g * ci;
        tile.out = row->out + t * conv->out_channels + g * co;
        sty_tiles_run(row->kernels, tile, co, row->bias ? row->bias + g * co : NULL, step);
        tile.weights += tiles_per_group(conv) * step;
    }
}

static void run_depthwise(const conv_row *row, const sty_conv_window *windows, size_t t, size_t n) {
    const sty_conv *conv = row->conv;
    const sty_conv_depthwise call = {.windows = windows,
                                     .n_frames = n,
                                     .n_rows = row->n_rows,
                                     .n_taps = conv->kernel[TIME],
                                     .tap_step = conv->dilation[TIME] * conv->in_channels,
                                     .n_channels = conv->out_channels,
                                     .weights = row->weights,
                                     .bias = row->bias,
                                     .out = row->out + t * conv->out_channels};
    row->kernels->conv_depthwise(&call);
}

static void run_row(conv_row *row) {
    const sty_conv *conv = row->conv;
    sty_conv_window windows[STY_CONV_FRAMES];
    fill_strips(row);
    for (size_t t = 0; t < row->out_frames; t += STY_CONV_FRAMES) {
        const size_t left = row->out_frames - t, n = left < STY_CONV_FRAMES ? left : STY_CONV_FRAMES;
        for (size_t i = 0; i < n; i++)
            windows[i] = window_of(row, t + i);
        if (is_depthwise(conv)) run_depthwise(row, windows, t, n);
        else run_tiles(row, windows, t, n);
    }
    if (is_depthwise(conv) || !sty_tiles_fuse(conv->activation))
        row->kernels->activate(conv->activation, conv->slope, row->out, row->out_frames * conv->out_channels);
}

/* The kernel rows inside the image, first to last, for output bin f. */
static void kernel_rows(const sty_conv *conv, size_t f, size_t n_bins, size_t *first, size_t *last) {
    const size_t top = f * conv->stride[FREQUENCY], pad = conv->pad_before[FREQUENCY];
    const size_t step = conv->dilation[FREQUENCY];
    *first = top < pad ? (pad - top + step - 1) / step : 0;
    *last = conv->kernel[FREQUENCY];
    if (*first > *last) *first = *last;
    while (*last > *first && top + (*last - 1) * step - pad >= n_bins)
        --*last;
}

void sty_conv_run(const sty_conv *conv, const float *packed, const float *bias, const float *x,
                  size_t n_bins, size_t n_frames, float *out, float *scratch) {
    if (sty_winograd_fits(conv)) {
        sty_winograd_run(conv, packed, bias, x, n_bins, n_frames, out, scratch);
        return;
    }
    const size_t out_bins = sty_conv_length(conv, FREQUENCY, n_bins);
    const size_t tile = is_depthwise(conv) ? conv->out_channels : STY_CONV_TILE;
    const size_t kernel_row = conv->kernel[TIME] * (conv->in_channels / conv->groups) * tile;
    const size_t head = strip_frames(conv, frames_before(conv)) * conv->in_channels;
    conv_row row = {.conv = conv,
                    .kernels = sty_kernels_chosen(),
                    .n_frames = n_frames,
                    .out_frames = sty_conv_length(conv, TIME, n_frames),
                    .row_step = conv->dilation[FREQUENCY] * n_frames * conv->in_channels,
                    .bias = bias,
                    .head = scratch,
                    .tail = scratch + conv->kernel[FREQUENCY] * head,
                    .out = out};
    for (size_t f = 0; f < out_bins; f++) {
        size_t first, last;
        kernel_rows(conv, f, n_bins, &first, &last);
        const size_t bin = f * conv->stride[FREQUENCY] + first * conv->dilation[FREQUENCY];
        row.n_rows = last - first;
        row.x = x + (row.n_rows ? bin - conv->pad_before[FREQUENCY] : 0) * n_frames * conv->in_channels;
        row.weights = packed + first * kernel_row;
        run_row(&row);
        row.out += row.out_frames * conv->out_channels;
    }
}
