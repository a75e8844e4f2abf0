/* gru.h - gated recurrent units. Floor 1. */
#ifndef STY_MATH_GRU_H
#define STY_MATH_GRU_H

#include "math/linear.h"

/* Weights of one torch.nn.GRU layer, rows in the order r, z, n. */
typedef struct sty_gru {
    size_t units;           /* U */
    sty_linear input;       /* weight_ih [3U, D], bias_ih */
    const float *weight_hh; /* [3U, U], packed (recurrent.h) */
    const float *bias_hh;   /* [3U] */
} sty_gru;

/* Floats of scratch for n_frames steps. */
size_t sty_gru_scratch(const sty_gru *gru, size_t n_frames);

/* Runs over x [T, D] (torch.nn.GRU, one direction):
 *   r = sigmoid(Wr x + br + Ur h + cr), z likewise, n = tanh(Wn x + bn + r (Un h + cn)),
 *   h' = (1 - z) n + z h.
 * state [U] holds the h before and receives the last one; states [T, U], when not
 * NULL, every h. */
void sty_gru_run(const sty_gru *gru, const float *x, size_t n_frames, float *state, float *states,
                 float *scratch);

#endif
