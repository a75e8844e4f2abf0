/* lstm.c - layers `lstm` and, in both directions, `bilstm`: torch.nn.LSTM, stacked, zero
 * states: recurrent_part. */
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
