/* gru_tensorflow.c - input products as two matrix products, then the recurrence. */
#include "math/gru_tensorflow.h"

#include "math/kernels.h"

#include <string.h>

size_t sty_gru_tensorflow_scratch(const sty_gru_tensorflow *gru, size_t n_frames) {
    return (n_frames * 3 + 4) * gru->units;
}

void sty_gru_tensorflow_run(const sty_gru_tensorflow *gru, const float *x, size_t n_frames,
                            float *state, float *states, float *scratch) {
    const sty_kernels *kernels = sty_kernels_chosen();
    const size_t d = gru->gates_input.columns, u = gru->units, rows = 3 * u;
    float *inputs = scratch, *reset = scratch + n_frames * rows, *next = reset + u;
    sty_linear_call call = {.n = n_frames, .x_ld = d, .y_ld = rows, .x = x, .y = inputs};
    sty_linear_apply(&gru->gates_input, &call);
    call.y = inputs + 2 * u;
    sty_linear_apply(&gru->candidate_input, &call);
    for (size_t t = 0; t < n_frames; t++) {
        float *r = inputs + t * rows, *update = r + u, *candidate = r + 2 * u;
        kernels->gemv(2 * u, u, gru->gates_state, gru->gates_bias, state, next);
        for (size_t j = 0; j < 2 * u; j++)
            r[j] += next[j];
        kernels->activate(STY_ACT_SIGMOID, 0, r, 2 * u);
        for (size_t j = 0; j < u; j++)
            reset[j] = r[j] * state[j];
        kernels->gemv(u, u, gru->candidate_state, gru->candidate_bias, reset, next);
        for (size_t j = 0; j < u; j++)
            candidate[j] += next[j];
        kernels->activate(STY_ACT_TANH, 0, candidate, u);
        for (size_t j = 0; j < u; j++)
            state[j] = update[j] * state[j] + (1.0f - update[j]) * candidate[j];
        if (states) memcpy(states + t * u, state, u * sizeof *state);
    }
}
