/* transpose.h - rows to columns. Floor 1. */
#ifndef STY_MATH_TRANSPOSE_H
#define STY_MATH_TRANSPOSE_H

#include <stddef.h>

/* y[j y_ld + i] = x[i x_ld + j] for i < rows, j < columns; x and y do not overlap. */
void sty_transpose(size_t rows, size_t columns, const float *x, size_t x_ld, float *y, size_t y_ld);

#endif
