/* finite.h - NaN and infinities found at the speed of memory. Floor 1. */
#ifndef STY_MATH_FINITE_H
#define STY_MATH_FINITE_H

#include <stddef.h>

/* The index of the first of n values that is NaN or infinite; n if all are finite. */
size_t sty_first_nonfinite(const float *x, size_t n);

#endif
