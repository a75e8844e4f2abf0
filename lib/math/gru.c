/* gru.c - all input products as one matrix product, then the recurrence. */
#include "math/gru.h"

#include "math/kernels.h"

#include <string.h>

size_t sty_gru_scratch(const sty_gru *gru, size_t n_frames) { return (n_frames + 1) * 3 * gru->units; }

void sty_gru_run(const sty_gru *gru, const float *x, size_t n_frames, float *state, float *states,
                 float *scratch) {
    const sty_kernels *kernels = sty_kernels_chosen();
    const size_t u = gru->units, rows = 3 * u;
    float *inputs = scratch, *recurrent = scratch + n_frames * rows;
    sty_linear_run(&gru->input, n_frames, x, inputs);
    for (size_t t = 0; t < n_frames; t++) {
        kernels->gemv(rows, u, gru->weight_hh, gru->bias_hh, state, recurrent);
        kernels->gru_gates(u, inputs + t * rows, recurrent, state);
        if (states) memcpy(states + t * u, state, u * sizeof *state);
    }
}
