/* wide_conv.h - convolution over time between many channels, as matrix products.
 * Floor 1. For the feed-forward and pointwise layers of conformers: with hundreds of
 * channels on both sides BLAS is faster than the direct kernels of conv.h. */
#ifndef STY_MATH_WIDE_CONV_H
#define STY_MATH_WIDE_CONV_H

#include <stddef.h>

/* torch.nn.Conv1d with stride 1 and kernel / 2 zeros at both ends; the kernel is
 * odd. Kernel 1 is a linear layer. */
typedef struct sty_wide_conv {
    size_t in_channels, out_channels, kernel;
} sty_wide_conv;

/* Floats of packed weights; 0: weights of kernel 1 are used as they are. */
size_t sty_wide_conv_packed(const sty_wide_conv *conv);

/* weight [out, in, kernel] (PyTorch) into packed; returns packed, or weight itself. */
const float *sty_wide_conv_pack(const sty_wide_conv *conv, const float *weight, float *packed);

/* y [T, out] from x [T, in]; bias [out] or NULL. y may not overlap x. */
void sty_wide_conv_run(const sty_wide_conv *conv, const float *weights, const float *bias,
                       const float *x, size_t n_frames, float *y);

#endif
