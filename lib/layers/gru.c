/* gru.c - layer `gru`: torch.nn.GRU, stacked, one or both directions, zero state;
 * or the cell of TensorFlow 1. */
#include "layers/layers.h"
#include "layers/recurrent_part.h"

static const char *const cells[] = {"torch", "tensorflow", NULL}; /* in the order of sty_cell */

static sty_cell cell_of(const sty_recurrent_params *p) { return (sty_cell)p->cell; }

static const sty_param params[] = {
    STY_RECURRENT_ROWS,
    {.name = "cell", .kind = STY_PARAM_CHOICE, .offset = STY_RECURRENT_AT(cell), .initial = "torch",
     .choices = cells, .help = "where the reset gate acts"},
};

static sty_status shape(const void *p, const sty_shape *in, size_t n_in, sty_shape *out,
                        sty_err *err) {
    (void)n_in;
    return sty_recurrent_shape(cell_of(p), p, in, out, err);
}

static void slots(const void *p, const sty_shape *in, sty_slots *list) {
    sty_recurrent_slots(cell_of(p), p, in, list);
}

static sty_status prepare(const void *p, const sty_shape *in, const sty_slots *list,
                          const float *const *weights, sty_arena *arena, const void **state,
                          sty_err *err) {
    return sty_recurrent_prepare(cell_of(p), p, in, list, weights, arena, state, err);
}

static size_t scratch(const void *p, const sty_shape *in, const sty_shape *out) {
    (void)out;
    return sty_recurrent_scratch(cell_of(p), p, in);
}

static double work(const void *p, const sty_shape *in, const sty_shape *out) {
    (void)out;
    return sty_recurrent_work(cell_of(p), p, in);
}

static sty_flow flow(const void *p) { return sty_recurrent_flow(p); }

static size_t carry(const void *p, const sty_shape *in) {
    (void)in;
    return sty_recurrent_carry(cell_of(p), p);
}

static void run(const sty_layer_call *call) { sty_recurrent_run(cell_of(call->params), call); }

static const char *const inputs[] = {"input", NULL};

const sty_layer_type sty_layer_gru = {
    .name = "gru",
    .summary = "gated recurrent units",
    .params = params,
    .n_params = STY_COUNT(params),
    .params_size = sizeof(sty_recurrent_params),
    .inputs = inputs,
    .n_required = 1,
    .extra = "frames",
    .shape = shape,
    .slots = slots,
    .prepare = prepare,
    .scratch = scratch,
    .work = work,
    .reach = sty_reach_whole,
    .flow = flow,
    .carry = carry,
    .run = run,
};
