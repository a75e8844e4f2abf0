/* gru.c - all input products as one matrix product, then the recurrence. */
#include "math/gru.h"

#include "math/gemm.h"
#include "math/kernels.h"

#include <string.h>

size_t sty_gru_scratch(const sty_gru *gru, size_t n_frames) { return (n_frames + 1) * 3 * gru->units; }

void sty_gru_run(const sty_gru *gru, const float *x, size_t n_frames, float *state, float *states,
                 float *scratch) {
    const sty_kernels *kernels = sty_kernels_chosen();
    const size_t u = gru->units, rows = 3 * u;
    float *inputs = scratch, *recurrent = scratch + n_frames * rows;
    for (size_t t = 0; t < n_frames; t++)
        memcpy(inputs + t * rows, gru->bias_ih, rows * sizeof *inputs);
    sty_gemm_bt(n_frames, rows, gru->width, x, gru->width, gru->weight_ih, gru->width, true, inputs,
                rows);
    memset(state, 0, u * sizeof *state);
    for (size_t t = 0; t < n_frames; t++) {
        kernels->gemv(rows, u, gru->weight_hh, gru->bias_hh, state, recurrent);
        kernels->gru_gates(u, inputs + t * rows, recurrent, state);
        if (states) memcpy(states + t * u, state, u * sizeof *state);
    }
}
