/* gru_tensorflow.c - input products as two matrix products, then the recurrence. */
#include "math/gru_tensorflow.h"

#include "math/activation.h"
#include "math/gemm.h"

#include <string.h>

size_t sty_gru_tensorflow_scratch(const sty_gru_tensorflow *gru, size_t n_frames) {
    return (n_frames * 3 + 1) * gru->units;
}

void sty_gru_tensorflow_run(const sty_gru_tensorflow *gru, const float *x, size_t n_frames,
                            float *state, float *states, float *scratch) {
    const size_t d = gru->width, u = gru->units, rows = 3 * u, columns = d + u;
    float *inputs = scratch, *reset = scratch + n_frames * rows;
    for (size_t t = 0; t < n_frames; t++) {
        memcpy(inputs + t * rows, gru->gates_bias, 2 * u * sizeof *inputs);
        memcpy(inputs + t * rows + 2 * u, gru->candidate_bias, u * sizeof *inputs);
    }
    sty_gemm_bt(n_frames, 2 * u, d, x, d, gru->gates_weight, columns, true, inputs, rows);
    sty_gemm_bt(n_frames, u, d, x, d, gru->candidate_weight, columns, true, inputs + 2 * u, rows);
    memset(state, 0, u * sizeof *state);
    for (size_t t = 0; t < n_frames; t++) {
        float *r = inputs + t * rows, *update = r + u, *candidate = r + 2 * u;
        sty_gemv(2 * u, u, gru->gates_weight + d, columns, state, true, r);
        sty_activate(STY_ACT_SIGMOID, 0, r, 2 * u);
        for (size_t j = 0; j < u; j++)
            reset[j] = r[j] * state[j];
        sty_gemv(u, u, gru->candidate_weight + d, columns, reset, true, candidate);
        sty_activate(STY_ACT_TANH, 0, candidate, u);
        for (size_t j = 0; j < u; j++)
            state[j] = update[j] * state[j] + (1.0f - update[j]) * candidate[j];
        if (states) memcpy(states + t * u, state, u * sizeof *state);
    }
}
