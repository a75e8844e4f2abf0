/* lstm.c - layers `lstm` and, in both directions, `bilstm`: long short-term memory, stacked
 * (recurrent_part).
 *
 * Formula: i, f, o = sigmoid(W x + b + U h + c), g = tanh(likewise), c' = f c + i g, h' = o tanh(c'); zeros
 *   before the first step.
 * Shapes: x [T, D]; y [U] (2 U in both directions: the last h side by side), output all [T, U]; frames [T, U].
 * Scratch: as gru.c's.
 * Source: torch.nn.LSTM. */
#include "layers/layers.h"
#include "layers/recurrent_part.h"

static const char *const cells[] = {"", "", "lstm", NULL}; /* in the order of sty_cell */

static const sty_param params[] = {
    STY_RECURRENT_ROWS,
    STY_RECURRENT_DIRECTIONS("false"),
    STY_RECURRENT_CELL("lstm", cells),
};
static const sty_param both_params[] = {
    STY_RECURRENT_ROWS,
    STY_RECURRENT_DIRECTIONS("true"),
    STY_RECURRENT_CELL("lstm", cells),
};

const sty_layer_type sty_layer_lstm = STY_RECURRENT_TYPE("lstm", "long short-term memory", params, 2);
const sty_layer_type sty_layer_bilstm =
    STY_RECURRENT_TYPE("bilstm", "long short-term memory in both directions", both_params, 2);
