/* gru.c - layer `gru`: gated recurrent units, stacked, one or both directions (recurrent_part).
 *
 * Formula: r, z = sigmoid(W x + b + U h + c), n = tanh(Wn x + bn + r (Un h + cn)), h' = (1 - z) n + z h; h = 0
 *   before the first step. cell tensorflow: n = tanh(W [x, r h] + b), h' = z h + (1 - z) n.
 * Shapes: x [T, D]; y [U] (2 U in both directions: the last states side by side), output all [T, U]; frames [T, U].
 * Scratch: gates of at most STY_PART_STEPS steps; stacked also twice the states [T, U]; in both directions
 *   also the input and one direction's states turned round.
 * Source: torch.nn.GRU; tf.nn.rnn_cell.GRUCell of TensorFlow 1. */
#include "layers/layers.h"
#include "layers/recurrent_part.h"

static const char *const cells[] = {"torch", "tensorflow", NULL}; /* in the order of sty_cell */

static const sty_param params[] = {
    STY_RECURRENT_ROWS,
    STY_RECURRENT_DIRECTIONS("false"),
    STY_RECURRENT_CELL("torch", cells),
};

const sty_layer_type sty_layer_gru = STY_RECURRENT_TYPE("gru", "gated recurrent units", params, 0);
