/* gate.h - gated linear units. Floor 1. */
#ifndef STY_MATH_GATE_H
#define STY_MATH_GATE_H

#include "math/activation.h"

#include <stdbool.h>

/* y [n, c] from x [n, 2c], each row a, b: a f(b), or f(a) b when first. y may
 * not overlap x. */
void sty_glu(sty_activation kind, float slope, bool first, size_t n, size_t c, const float *x,
             float *y);

#endif
