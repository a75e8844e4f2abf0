/* kernels.h - the inner loops that are compiled once for each vector width.
 * Floor 1, private to lib/math.
 *
 * kernels_impl.h is the source; kernels.c, kernels_neon.c, kernels_avx2.c and
 * kernels_avx512.c compile it. Memory orders are the same for every width, so a packed weight does
 * not know which path will read it. */
#ifndef STY_MATH_KERNELS_H
#define STY_MATH_KERNELS_H

#include "base/cpu.h"
#include "math/activation.h"

/* Output channels of one convolution tile; rows of one matrix-vector tile. */
enum { STY_CONV_TILE = 16, STY_GEMV_TILE = 64 };

/* Products of a chunk. Encoders of stacked convolutions keep every rounding up to their recurrence: Mellotron's
 * `reference` is up to 9.6e-6 from the published one with 32, 1.2e-5 with 48, and 1e-5 is allowed. Linear layers
 * stand between norms, and longer chunks cost less. */
enum { STY_CONV_CHUNK = 32, STY_LINEAR_CHUNK = 64 };

/* Channels whose statistics are taken at once. */
enum { STY_NORM_CHANNELS = 16 };

/* Frames whose windows are looked up at once: several blocks of a tile. */
enum { STY_CONV_FRAMES = 192 };

/* Where an output frame's first tap of the first kernel row lies; later kernel
 * rows follow at row_step floats. */
typedef struct sty_conv_window {
    const float *first;
    size_t row_step;
} sty_conv_window;

/* A convolution of n_frames <= STY_CONV_FRAMES output frames and n_channels <=
 * STY_CONV_TILE channels. Tap k of a window is k tap_step floats further, plus
 * offset, with `run` contiguous values. Weights [row][tap][run][STY_CONV_TILE]; bias
 * [STY_CONV_TILE]. Results at out[frame out_step + channel]. */
typedef struct sty_conv_tile {
    const sty_conv_window *windows;
    size_t n_frames, n_rows, n_taps, tap_step, offset, run;
    size_t chunk; /* products in a sum before it meets the others */
    const float *weights, *bias;
    const float *next; /* weights that the next tile needs, as many as these; NULL: none */
    float *out;
    size_t out_step, n_channels;
    sty_activation activation; /* relu and leaky_relu are applied, others not */
    float slope;
    const float *add; /* laid out as out, and may be out: out = factor result + add; NULL: out = result */
    float factor;
} sty_conv_tile;

/* One channel in, one out, n_channels of them side by side: weights [row][tap][C],
 * bias [C] or NULL, out [frame][C]. */
typedef struct sty_conv_depthwise {
    const sty_conv_window *windows;
    size_t n_frames, n_rows, n_taps, tap_step, n_channels;
    const float *weights, *bias;
    float *out;
} sty_conv_depthwise;

typedef struct sty_kernels {
    void (*activate)(sty_activation kind, float slope, float *x, size_t n);
    void (*softmax)(float *x, size_t rows, size_t n);
    void (*conv_tile)(const sty_conv_tile *tile);
    void (*conv_depthwise)(const sty_conv_depthwise *conv);
    /* The sums of winograd.h: y[0..5] [n] from six rows; of n <= 4 bins, `gap` floats apart, the n_frames of a
     * tile from products [6][step] of STY_CONV_TILE channels each. */
    void (*winograd_in)(const float *const *x, size_t n, float *const *y);
    void (*winograd_out)(const sty_conv_tile *tile, const float *products, size_t step, size_t gap, size_t n);
    /* y [m] = A [m, k] x + b; A packed by sty_recurrent_pack */
    void (*gemv)(size_t m, size_t k, const float *packed, const float *bias, const float *x, float *y);
    void (*layer_norm)(const float *x, size_t n, size_t c, float eps, const float *gain, const float *shift,
                       float *y);
    /* Over n positions c floats apart, for m <= STY_NORM_CHANNELS channels; mean, scale and sum
     * have STY_NORM_CHANNELS elements: sum[j] of x - mean[j] or of its square;
     * y = (x - mean) scale gain + shift, where gain and shift are not NULL. */
    void (*channel_moments)(const float *x, size_t n, size_t c, size_t m, const double *mean, int squared,
                            double *sum);
    void (*channel_scale)(const float *x, size_t n, size_t c, size_t m, const double *mean, const double *scale,
                          const float *gain, const float *shift, float *y);
    void (*gru_gates)(size_t units, const float *in, const float *recurrent, float *state);
} sty_kernels;

/* Those of the compiler's target exist. */
extern const sty_kernels sty_kernels_generic, sty_kernels_neon, sty_kernels_avx2, sty_kernels_avx512;

/* The kernels of a path this processor has; of the chosen one. */
const sty_kernels *sty_kernels_of(sty_cpu cpu);
const sty_kernels *sty_kernels_chosen(void);

#endif
