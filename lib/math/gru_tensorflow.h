/* gru_tensorflow.h - the gated recurrent unit of TensorFlow 1's GRUCell. Floor 1. */
#ifndef STY_MATH_GRU_TENSORFLOW_H
#define STY_MATH_GRU_TENSORFLOW_H

#include "math/linear.h"

/* Kernels of tf.nn.rnn_cell.GRUCell, transposed: columns are the input, then the state. */
typedef struct sty_gru_tensorflow {
    size_t units;                                /* U */
    sty_linear gates_input, candidate_input;     /* first D columns: [2U, D] rows r, u; [U, D]; no bias */
    const float *gates_state, *candidate_state;  /* last U columns, packed (recurrent.h) */
    const float *gates_bias, *candidate_bias;    /* [2U], [U] */
} sty_gru_tensorflow;

/* Floats of scratch for n_frames steps. */
size_t sty_gru_tensorflow_scratch(const sty_gru_tensorflow *gru, size_t n_frames);

/* Runs over x [T, D]:
 *   r, u = sigmoid(Wg [x, h] + bg), c = tanh(Wc [x, r h] + bc), h' = u h + (1 - u) c.
 * Unlike torch.nn.GRU the reset is inside the product of c. state [U] holds the h
 * before and receives the last one; states [T, U], when not NULL, every h. */
void sty_gru_tensorflow_run(const sty_gru_tensorflow *gru, const float *x, size_t n_frames,
                            float *state, float *states, float *scratch);

#endif
