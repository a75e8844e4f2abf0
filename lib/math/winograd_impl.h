/* winograd_impl.h - the sums before and behind the products of winograd.c; A and B are its
 * points. */
#ifndef STY_MATH_WINOGRAD_IMPL_H
#define STY_MATH_WINOGRAD_IMPL_H

#include "math/conv_impl.h"
#include "math/winograd.h"

/* The planes are the coefficients of x as a polynomial, taken modulo those of the points. */
V_INLINE void winograd_in_vector(const float *const *x, size_t i, size_t n, float *const *y) {
    const float a = STY_WINOGRAD_A, b = STY_WINOGRAD_B;
    const v_float aa = v_all(-a * a), bb = v_all(-b * b), both = v_all(-a * a - b * b), all = v_all(a * a * b * b);
    v_float d[STY_WINOGRAD_PLANES];
#pragma GCC unroll 6
    for (int k = 0; k < STY_WINOGRAD_PLANES; k++)
        d[k] = v_load_or(x[k] + i, n, 0.0f);
    const v_float even_a = v_fma(bb, d[2], d[4]), odd_a = v_all(a) * v_fma(bb, d[1], d[3]);
    const v_float even_b = v_fma(aa, d[2], d[4]), odd_b = v_all(b) * v_fma(aa, d[1], d[3]);
    v_store_to(y[0] + i, v_fma(all, d[0], v_fma(both, d[2], d[4])), n);
    v_store_to(y[1] + i, even_a + odd_a, n);
    v_store_to(y[2] + i, even_a - odd_a, n);
    v_store_to(y[3] + i, even_b + odd_b, n);
    v_store_to(y[4] + i, even_b - odd_b, n);
    v_store_to(y[5] + i, v_fma(all, d[1], v_fma(both, d[3], d[5])), n);
}

static void winograd_in(const float *const *x, size_t n, float *const *y) {
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        winograd_in_vector(x, i, LANES, y);
    if (i < n) winograd_in_vector(x, i, n - i, y);
}

static void winograd_out(const sty_conv_tile *tile, const float *products, size_t step, size_t gap, size_t n) {
    const float a = STY_WINOGRAD_A, b = STY_WINOGRAD_B;
    for (size_t i = 0; i < tile->n_frames; i++, products += STY_CONV_TILE) {
        v_float out[STY_WINOGRAD_STEPS][1][TILE_VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < TILE_VECTORS; v++) {
            const float *p = products + v * LANES;
            const v_float p1 = v_load(p + step), p2 = v_load(p + 2 * step);
            const v_float p3 = v_load(p + 3 * step), p4 = v_load(p + 4 * step);
            const v_float even_a = p1 + p2, odd_a = p1 - p2, even_b = p3 + p4, odd_b = p3 - p4;
            const v_float bias = v_load(tile->bias + v * LANES);
            out[0][0][v] = v_load(p) + even_a + even_b + bias;
            out[1][0][v] = v_fma(odd_a, v_all(a), odd_b * v_all(b)) + bias;
            out[2][0][v] = v_fma(even_a, v_all(a * a), even_b * v_all(b * b)) + bias;
            out[3][0][v] = v_fma(odd_a, v_all(a * a * a), odd_b * v_all(b * b * b)) + v_load(p + 5 * step) + bias;
        }
        for (size_t k = 0; k < n; k++)
            store_frames(tile, out[k], i * tile->out_step + k * gap, 1);
    }
}

#endif
