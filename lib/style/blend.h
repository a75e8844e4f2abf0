/* blend.h - sums of styles and ways between two. Floor 4. */
#ifndef STY_STYLE_BLEND_H
#define STY_STYLE_BLEND_H

#include <stddef.h>

/* y [n] += weight x [n]. */
void sty_blend_add(const float *x, double weight, size_t n, float *y);

/* y [n] = (1 - t) a + t b, in double; t below 0 and above 1 extrapolates.
 * t = 0 and t = 1 give a and b exactly. y may be a or b. */
void sty_blend_linear(const float *a, const float *b, double t, size_t n, float *y);

/* The same on the arc between the directions of a and b, while the length goes
 * linearly (Shoemake 1985 for unit vectors). Vectors of (nearly) the same
 * direction, and a vector of zeros, are joined by a line; opposite directions
 * have no arc: the line is taken there too. */
void sty_blend_spherical(const float *a, const float *b, double t, size_t n, float *y);

#endif
