/* winograd.h - convolutions of three bins, four output bins at a time. Floor 1, private to
 * lib/math.
 *
 * Winograd's F(4, 3): four results of three taps from six products instead of twelve. Taps
 * and rows of the image are polynomials; both are evaluated at the points 0, A, -A, B, -B
 * and infinity, the values multiplied, and the results read off at powers of the points:
 *
 *     y[k] = sum over the points p of p^k (G g)[p] (D x)[p]
 *     (G g)[p] = (g0 + p g1 + p^2 g2) / product over the others q of (p - q),
 *     (D x)[p] = the coefficients of product over the others q of (t - q), times x
 *
 * where x are rows of the image and every product is a convolution over time and channels.
 * These points, exact in binary, lose the least: errors are twice those of the plain form
 * (0, 1, -1, 2, -2: three times). Along frequency, so that frames keep their bytes wherever
 * a clip is cut; a sequence that is never cut is taken as an image of T bins and one frame,
 * which lies in memory the same way. */
#ifndef STY_MATH_WINOGRAD_H
#define STY_MATH_WINOGRAD_H

#include "math/conv.h"

#include <stdbool.h>

#define STY_WINOGRAD_A 0.75f
#define STY_WINOGRAD_B 1.5f

enum { STY_WINOGRAD_PLANES = 6, STY_WINOGRAD_STEPS = 4 };

/* True for three bins (frames of a whole sequence), stride 1, no dilation, no groups, and
 * channels enough to pay. */
bool sty_winograd_fits(const sty_conv *conv);

/* As in conv.h, for such convolutions. */
size_t sty_winograd_packed(const sty_conv *conv);
size_t sty_winograd_scratch(const sty_conv *conv, size_t n_bins, size_t n_frames);
void sty_winograd_pack(const sty_conv *conv, const float *weight, const float *gain, float *packed);
void sty_winograd_run(const sty_conv *conv, const float *packed, const float *bias, const float *x,
                      size_t n_bins, size_t n_frames, float *out, float *scratch);

#endif
