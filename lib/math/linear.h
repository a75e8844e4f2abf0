/* linear.h - torch.nn.functional.linear. Floor 1. */
#ifndef STY_MATH_LINEAR_H
#define STY_MATH_LINEAR_H

#include <stddef.h>

/* y [n, rows] = x [n, columns] weight [rows, columns]^T + bias [rows] (NULL: none).
 * y may not overlap x. */
void sty_linear_run(size_t n, size_t rows, size_t columns, const float *x, const float *weight,
                    const float *bias, float *y);

#endif
