/* conv_exact.h - the same convolution with sums in double. Floor 1.
 *
 * For the few output positions in front of a norm over positions: over two steps
 * that nearly agree, 1 / sqrt(variance + eps) multiplies the rounding of float32
 * sums by up to 300, and layers behind each other multiply it again. Convolution,
 * activation and norm in double with one rounding at the end lose ten times less. */
#ifndef STY_MATH_CONV_EXACT_H
#define STY_MATH_CONV_EXACT_H

#include "math/conv.h"

/* out [F', T', out_channels] = convolution + bias (NULL: none), from the weight as
 * PyTorch has it [out, in / groups, kernel time, kernel frequency]; the activation
 * is not applied. Slow: meant for a handful of positions. */
void sty_conv_run_exact(const sty_conv *conv, const float *weight, const float *bias, const double *x,
                        size_t n_bins, size_t n_frames, double *out);

/* x in place; kinds beyond relu and leaky_relu go through float32. */
void sty_activate_exact(sty_activation kind, double slope, double *x, size_t n);

/* Instance norm of x [n, C] as sty_group_norm_run with C groups, rounded once. */
void sty_instance_norm_exact(const double *x, size_t n, size_t c, double eps, const float *gain,
                             const float *shift, float *out);

#endif
