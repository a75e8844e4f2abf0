/* recurrent_impl.h - what one step of a recurrent layer does. */
#ifndef STY_MATH_RECURRENT_IMPL_H
#define STY_MATH_RECURRENT_IMPL_H

#include "math/activation_impl.h"

enum { GEMV_VECTORS = STY_GEMV_TILE / LANES, GEMV_HELD = GEMV_VECTORS < 8 ? GEMV_VECTORS : 8 };

/* Rows as lanes: each value of x meets a whole tile of rows, in the order of k. */
static void gemv(size_t m, size_t k, const float *packed, const float *bias, const float *x, float *y) {
    for (size_t first = 0; first < m; first += STY_GEMV_TILE, packed += k * STY_GEMV_TILE)
        for (size_t at = 0; at < STY_GEMV_TILE && first + at < m; at += GEMV_HELD * LANES) {
            const float *a = packed + at;
            const size_t row = first + at;
            v_float sum[GEMV_HELD];
#pragma GCC unroll 8
            for (size_t v = 0; v < GEMV_HELD; v++)
                sum[v] = v_all(0.0f);
            for (size_t i = 0; i < k; i++, a += STY_GEMV_TILE)
#pragma GCC unroll 8
                for (size_t v = 0; v < GEMV_HELD; v++)
                    sum[v] = v_fma(v_all(x[i]), v_load(a + v * LANES), sum[v]);
#pragma GCC unroll 8
            for (size_t v = 0; v < GEMV_HELD; v++) {
                const size_t to = row + v * LANES;
                if (to < m) v_store_to(y + to, sum[v] + v_load_or(bias + to, m - to, 0.0f), m - to);
            }
        }
}

static void gru_gates(size_t units, const float *in, const float *recurrent, float *state) {
    const float *in_z = in + units, *in_n = in_z + units;
    const float *rec_z = recurrent + units, *rec_n = rec_z + units;
    for (size_t j = 0; j < units; j += LANES) {
        const size_t n = units - j;
        const v_float r = v_sigmoid(v_load_or(in + j, n, 0) + v_load_or(recurrent + j, n, 0));
        const v_float z = v_sigmoid(v_load_or(in_z + j, n, 0) + v_load_or(rec_z + j, n, 0));
        const v_float c = v_tanh(v_fma(r, v_load_or(rec_n + j, n, 0), v_load_or(in_n + j, n, 0)));
        const v_float h = v_load_or(state + j, n, 0);
        v_store_to(state + j, v_fma(z, h, (1.0f - z) * c), n);
    }
}

#endif
