/* gru.c - all input products as one matrix product, then the recurrence. */
#include "math/gru.h"

#include "math/gemm.h"

#include <math.h>
#include <string.h>

size_t sty_gru_scratch(const sty_gru *gru, size_t n_frames) { return (n_frames + 1) * 3 * gru->units; }

static float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

void sty_gru_run(const sty_gru *gru, const float *x, size_t n_frames, float *state, float *states,
                 float *scratch) {
    const size_t u = gru->units, rows = 3 * u;
    float *inputs = scratch, *recurrent = scratch + n_frames * rows;
    for (size_t t = 0; t < n_frames; t++)
        memcpy(inputs + t * rows, gru->bias_ih, rows * sizeof *inputs);
    sty_gemm_bt(n_frames, rows, gru->width, x, gru->width, gru->weight_ih, gru->width, true, inputs,
                rows);
    memset(state, 0, u * sizeof *state);
    for (size_t t = 0; t < n_frames; t++) {
        const float *in = inputs + t * rows;
        memcpy(recurrent, gru->bias_hh, rows * sizeof *recurrent);
        sty_gemv(rows, u, gru->weight_hh, u, state, true, recurrent);
        for (size_t j = 0; j < u; j++) {
            const float r = sigmoid(in[j] + recurrent[j]);
            const float z = sigmoid(in[u + j] + recurrent[u + j]);
            const float n = tanhf(in[2 * u + j] + r * recurrent[2 * u + j]);
            state[j] = (1.0f - z) * n + z * state[j];
        }
        if (states) memcpy(states + t * u, state, u * sizeof *state);
    }
}
