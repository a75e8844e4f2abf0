/* conv.h - convolution over (time, frequency). Floor 1.
 *
 * Images are [F, T, C]: bins, frames, channels. With this order the time taps of
 * one kernel row are one contiguous run of memory for every output frame, so the
 * kernels read overlapping windows in place and no im2col copy is made. A sequence [T, C] is an image with one bin: the same code is conv1d. */
#ifndef STY_MATH_CONV_H
#define STY_MATH_CONV_H

#include "math/activation.h"

#include <stdbool.h>
#include <stddef.h>

/* Geometry. Pairs are (time, frequency), as in torch.nn.Conv2d over [N, C, T, F]. */
typedef struct sty_conv {
    size_t in_channels, out_channels, groups;
    size_t kernel[2], stride[2], dilation[2];
    size_t pad_before[2], pad_after[2];
    sty_activation activation; /* of the result, row by row while it is in the cache */
    float slope;               /* of leaky_relu */
    bool whole; /* x is a whole sequence, never a part of one: frames too may be taken in fours (winograd.h), and
                 * their bytes then depend on their distance from the first */
} sty_conv;

/* A convolution over time, stride 1, that keeps the length: kernel / 2 zeros at
 * both ends of a sequence; the kernel is odd. */
sty_conv sty_conv_same(size_t in_channels, size_t out_channels, size_t kernel, size_t groups);

/* Output length of one axis, or 0 when the padded input is shorter than the kernel. */
size_t sty_conv_length(const sty_conv *conv, int axis, size_t n);

/* True when an output bin is computed without its neighbours (winograd.h takes four at once). */
bool sty_conv_bin_by_bin(const sty_conv *conv);

/* The convolution that gives the output bins [first, first + n) alone, bit for bit: to be run, with the
 * weights packed for the other one, on the bins that they see. n_bins: of the image, then how many
 * those are; the first is the later of 0 and first stride - pad_before. Only where bin by bin. */
sty_conv sty_conv_of_bins(const sty_conv *conv, size_t first, size_t n, size_t *n_bins);

/* Floats of packed weights, of scratch for an input [F, T, C]. */
size_t sty_conv_packed(const sty_conv *conv);
size_t sty_conv_scratch(const sty_conv *conv, size_t n_bins, size_t n_frames);

/* weight [out, in / groups, kernel time, kernel frequency] (PyTorch), times
 * gain [out] when not NULL (batch norm folded), into the order run wants. */
void sty_conv_pack(const sty_conv *conv, const float *weight, const float *gain, float *packed);

/* out [F', T', out_channels] = activation(convolution of x [F, T, in_channels] +
 * bias) (NULL: none). out may not alias x. */
void sty_conv_run(const sty_conv *conv, const float *packed, const float *bias, const float *x,
                  size_t n_bins, size_t n_frames, float *out, float *scratch);

#endif
