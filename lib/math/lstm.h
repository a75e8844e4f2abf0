/* lstm.h - long short-term memory. Floor 1. */
#ifndef STY_MATH_LSTM_H
#define STY_MATH_LSTM_H

#include "math/linear.h"

/* Weights of one torch.nn.LSTM layer, rows in the order i, f, g, o. */
typedef struct sty_lstm {
    size_t units;           /* U */
    sty_linear input;       /* weight_ih [4U, D], bias_ih */
    const float *weight_hh; /* [4U, U], packed (recurrent.h) */
    const float *bias_hh;   /* [4U] */
} sty_lstm;

/* Floats of scratch for n_frames steps. */
size_t sty_lstm_scratch(const sty_lstm *lstm, size_t n_frames);

/* Runs over x [T, D] (torch.nn.LSTM, one direction):
 *   i, f, o = sigmoid(W x + b + U h + c), g = tanh(likewise), c' = f c + i g, h' = o tanh(c').
 * state [2U] holds h and c before and receives the last ones; states [T, U], when
 * not NULL, every h. */
void sty_lstm_run(const sty_lstm *lstm, const float *x, size_t n_frames, float *state,
                  float *states, float *scratch);

#endif
