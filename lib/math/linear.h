/* linear.h - torch.nn.functional.linear, and the matrix products of everything else
 * that runs per clip. Floor 1.
 *
 * The weights are packed once into tiles of rows; the kernels that convolve read x
 * where it lies. A row of y is the same bytes whatever other rows are computed with it. */
#ifndef STY_MATH_LINEAR_H
#define STY_MATH_LINEAR_H

#include "math/activation.h"

#include <stddef.h>

/* y = W x + b. */
typedef struct sty_linear {
    size_t rows, columns;
    const float *packed; /* W [rows, columns], by sty_linear_pack */
    const float *bias;   /* [rows]; NULL: none */
} sty_linear;

/* Floats of packed weights. */
size_t sty_linear_packed(size_t rows, size_t columns);

/* weight [rows, columns], or [columns, rows] for the turned form; ld: floats from one
 * row of it to the next. packed need not be clean. */
void sty_linear_pack(size_t rows, size_t columns, const float *weight, size_t ld, float *packed);
void sty_linear_pack_turned(size_t rows, size_t columns, const float *weight, size_t ld, float *packed);

/* y [n, rows] = x [n, columns] W^T + b. y may not overlap x. */
void sty_linear_run(const sty_linear *linear, size_t n, const float *x, float *y);

/* The same between rows x_ld and y_ld floats apart, and what is done with the results while
 * they are at hand: y = factor f(W x + b) + add. */
typedef struct sty_linear_call {
    size_t n, x_ld, y_ld;
    const float *x;
    float *y;
    sty_activation activation; /* with add: none, relu or leaky_relu */
    float slope;
    const float *add; /* [n, rows], y_ld floats apart, may be y; NULL: y = f(W x + b) */
    float factor;
} sty_linear_call;
void sty_linear_apply(const sty_linear *linear, const sty_linear_call *call);

/* y [n, rows] = x [n, columns] weight [rows, columns]^T + bias, for weights that are used once. */
void sty_linear_once(size_t n, size_t rows, size_t columns, const float *x, const float *weight,
                     const float *bias, float *y);

#endif
