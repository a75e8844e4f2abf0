/* gru_tensorflow.h - the gated recurrent unit of TensorFlow 1's GRUCell. Floor 1. */
#ifndef STY_MATH_GRU_TENSORFLOW_H
#define STY_MATH_GRU_TENSORFLOW_H

#include <stddef.h>

/* Kernels of tf.nn.rnn_cell.GRUCell, transposed: columns are the input, then the state. */
typedef struct sty_gru_tensorflow {
    size_t width, units;                     /* D, U */
    const float *gates_weight;               /* [2U, D + U], rows r, u */
    const float *gates_bias;                 /* [2U] */
    const float *candidate_weight;           /* [U, D + U] */
    const float *candidate_bias;             /* [U] */
    const float *gates_state, *candidate_state; /* their last U columns, packed (recurrent.h) */
} sty_gru_tensorflow;

/* Floats of scratch for n_frames steps. */
size_t sty_gru_tensorflow_scratch(const sty_gru_tensorflow *gru, size_t n_frames);

/* Runs over x [T, D] from a zero state:
 *   r, u = sigmoid(Wg [x, h] + bg), c = tanh(Wc [x, r h] + bc), h' = u h + (1 - u) c.
 * Unlike torch.nn.GRU the reset is inside the product of c. state [U] receives
 * the last h; states [T, U], when not NULL, every h. */
void sty_gru_tensorflow_run(const sty_gru_tensorflow *gru, const float *x, size_t n_frames,
                            float *state, float *states, float *scratch);

#endif
