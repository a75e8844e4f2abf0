/* gru.c - layer `gru`: torch.nn.GRU, stacked, one or both directions, zero state;
 * or the cell of TensorFlow 1: recurrent_part. */
#include "layers/layers.h"
#include "layers/recurrent_part.h"

static const char *const cells[] = {"torch", "tensorflow", NULL}; /* in the order of sty_cell */

static const sty_param params[] = {
    STY_RECURRENT_ROWS,
    STY_RECURRENT_DIRECTIONS("false"),
    STY_RECURRENT_CELL("torch", cells),
};

const sty_layer_type sty_layer_gru = STY_RECURRENT_TYPE("gru", "gated recurrent units", params, 0);
