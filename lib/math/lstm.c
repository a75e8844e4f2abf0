/* lstm.c - all input products as one matrix product, then the recurrence; the
 * gates of a step go through the shared element-wise functions in two calls. */
#include "math/lstm.h"

#include "math/kernels.h"

#include <string.h>

size_t sty_lstm_scratch(const sty_lstm *lstm, size_t n_frames) {
    return (n_frames * 4 + 5) * lstm->units;
}

void sty_lstm_run(const sty_lstm *lstm, const float *x, size_t n_frames, float *state,
                  float *states, float *scratch) {
    const sty_kernels *kernels = sty_kernels_chosen();
    const size_t u = lstm->units, rows = 4 * u;
    float *gates = scratch, *squashed = scratch + n_frames * rows, *recurrent = squashed + u, *cell = state + u;
    sty_linear_run(&lstm->input, n_frames, x, gates);
    for (size_t t = 0; t < n_frames; t++) {
        float *in = gates + t * rows, *forget = in + u, *fresh = in + 2 * u, *out = in + 3 * u;
        kernels->gemv(rows, u, lstm->weight_hh, lstm->bias_hh, state, recurrent);
        for (size_t j = 0; j < rows; j++)
            in[j] += recurrent[j];
        kernels->activate(STY_ACT_SIGMOID, 0, in, 2 * u);
        kernels->activate(STY_ACT_TANH, 0, fresh, u);
        kernels->activate(STY_ACT_SIGMOID, 0, out, u);
        for (size_t j = 0; j < u; j++)
            squashed[j] = cell[j] = forget[j] * cell[j] + in[j] * fresh[j];
        kernels->activate(STY_ACT_TANH, 0, squashed, u);
        for (size_t j = 0; j < u; j++)
            state[j] = out[j] * squashed[j];
        if (states) memcpy(states + t * u, state, u * sizeof *state);
    }
}
