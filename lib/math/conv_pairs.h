/* conv_pairs.h - convolutions of three bins, two output bins at a time. Floor 1, private to
 * conv.c.
 *
 * Winograd's F(2, 3): two results of three taps from four products instead of six,
 *   m0 = (x0 - x2) g0, m1 = (x1 + x2) (g0 + g1 + g2) / 2, m2 = (x2 - x1) (g0 - g1 + g2) / 2,
 *   m3 = (x1 - x3) g2;  y0 = m0 + m1 + m2, y1 = m1 - m2 - m3,
 * where x are rows of the image and every product is a convolution over time and channels.
 * Errors are those of the plain form, about twice as large. Along frequency, so that frames
 * keep their bytes wherever a clip is cut; a sequence that is never cut is taken as an image
 * of T bins and one frame, which lies in memory the same way. */
#ifndef STY_MATH_CONV_PAIRS_H
#define STY_MATH_CONV_PAIRS_H

#include "math/conv.h"

/* True for three bins (frames of a whole sequence), stride 1, no dilation, no groups, and
 * channels enough to pay. */
bool sty_conv_in_pairs(const sty_conv *conv);

/* As in conv.h, for such convolutions. */
size_t sty_conv_pairs_packed(const sty_conv *conv);
size_t sty_conv_pairs_scratch(const sty_conv *conv, size_t n_bins, size_t n_frames);
void sty_conv_pairs_pack(const sty_conv *conv, const float *weight, const float *gain, float *packed);
void sty_conv_pairs_run(const sty_conv *conv, const float *packed, const float *bias, const float *x,
                        size_t n_bins, size_t n_frames, float *out, float *scratch);

#endif
