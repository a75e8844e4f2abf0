/* pairs_impl.h - the sums before and behind the products of conv_pairs.c. */
#ifndef STY_MATH_PAIRS_IMPL_H
#define STY_MATH_PAIRS_IMPL_H

#include "math/conv_impl.h"

V_INLINE void pairs_in_vector(const float *const *x, size_t i, size_t n, float *const *y) {
    const v_float a = v_load_or(x[0] + i, n, 0.0f), b = v_load_or(x[1] + i, n, 0.0f);
    const v_float c = v_load_or(x[2] + i, n, 0.0f), d = v_load_or(x[3] + i, n, 0.0f);
    v_store_to(y[0] + i, a - c, n);
    v_store_to(y[1] + i, b + c, n);
    v_store_to(y[2] + i, c - b, n);
    v_store_to(y[3] + i, b - d, n);
}

/* y[0..3] [n] = x0 - x2, x1 + x2, x2 - x1, x1 - x3 */
static void pairs_in(const float *const *x, size_t n, float *const *y) {
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        pairs_in_vector(x, i, LANES, y);
    if (i < n) pairs_in_vector(x, i, n - i, y);
}

static void pairs_out(const sty_conv_tile *tile, const float *products, size_t step, size_t gap) {
    for (size_t i = 0; i < tile->n_frames; i++, products += STY_CONV_TILE) {
        v_float first[1][TILE_VECTORS], second[1][TILE_VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < TILE_VECTORS; v++) {
            const float *p = products + v * LANES;
            const v_float b = v_load(p + step), c = v_load(p + 2 * step),
                          bias = v_load(tile->bias + v * LANES);
            first[0][v] = v_load(p) + b + c + bias;
            second[0][v] = b - c - v_load(p + 3 * step) + bias;
        }
        store_frames(tile, first, i * tile->out_step, 1);
        if (gap) store_frames(tile, second, i * tile->out_step + gap, 1);
    }
}

#endif
