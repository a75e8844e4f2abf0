/* lstm.c - layers `lstm` and `bilstm` (always both directions): torch.nn.LSTM, stacked, zero states. */
#include "layers/layers.h"
#include "layers/recurrent_part.h"

static const sty_param params[] = {
    STY_RECURRENT_ROWS,
};
static const sty_param both_params[] = {STY_RECURRENT_SIZES, STY_RECURRENT_OUTPUT, STY_RECURRENT_DIRECTIONS("true")};

static sty_status shape(const void *p, const sty_shape *in, size_t n_in, sty_shape *out,
                        sty_err *err) {
    (void)n_in;
    return sty_recurrent_shape(STY_CELL_LSTM, p, in, out, err);
}

static void slots(const void *p, const sty_shape *in, sty_slots *list) {
    sty_recurrent_slots(STY_CELL_LSTM, p, in, list);
}

static sty_status prepare(const void *p, const sty_shape *in, const sty_slots *list,
                          const float *const *weights, sty_arena *arena, const void **state,
                          sty_err *err) {
    return sty_recurrent_prepare(STY_CELL_LSTM, p, in, list, weights, arena, state, err);
}

static size_t scratch(const void *p, const sty_shape *in, const sty_shape *out) {
    (void)out;
    return sty_recurrent_scratch(STY_CELL_LSTM, p, in);
}

static double work(const void *p, const sty_shape *in, const sty_shape *out) {
    (void)out;
    return sty_recurrent_work(STY_CELL_LSTM, p, in);
}

static sty_flow flow(const void *p) { return sty_recurrent_flow(p); }

static size_t carry(const void *p, const sty_shape *in) {
    (void)in;
    return sty_recurrent_carry(STY_CELL_LSTM, p);
}

static void run(const sty_layer_call *call) { sty_recurrent_run(STY_CELL_LSTM, call); }

static const char *const inputs[] = {"input", NULL};

#define TYPE(label, text, rows, fixed)                                                             \
    {.name = label, .summary = text, .params = rows, .n_params = STY_COUNT(rows) - (fixed), .n_fixed = fixed, \
     .params_size = sizeof(sty_recurrent_params), .inputs = inputs, .n_required = 1, .extra = "frames", \
     .shape = shape, .slots = slots, .prepare = prepare, .scratch = scratch, .work = work,         \
     .reach = sty_reach_whole, .flow = flow, .carry = carry, .run = run}

const sty_layer_type sty_layer_lstm = TYPE("lstm", "long short-term memory", params, 0);
const sty_layer_type sty_layer_bilstm = TYPE("bilstm", "long short-term memory in both directions", both_params, 1);
