/* gru.c - layer `gru`: torch.nn.GRU, one direction, stacked layers, zero state. */
#include "layers/layers.h"
#include "math/gru.h"

#include <string.h>

typedef struct {
    int units, layers, output;
} gru_params;

enum { LAST, ALL };
static const char *const outputs[] = {"last", "all", NULL};

static const sty_param params[] = {
    {.name = "units", .kind = STY_PARAM_INT, .offset = offsetof(gru_params, units), .low = 1,
     .high = 65536, .help = "width of the state"},
    {.name = "layers", .kind = STY_PARAM_INT, .offset = offsetof(gru_params, layers),
     .initial = "1", .low = 1, .high = 8, .help = "stacked layers"},
    {.name = "output", .kind = STY_PARAM_CHOICE, .offset = offsetof(gru_params, output),
     .initial = "last", .choices = outputs, .help = "the last state, or the states of all steps"},
};

static sty_status shape(const void *params_, const sty_shape *in, size_t n_in, sty_shape *out,
                        sty_err *err) {
    const gru_params *p = params_;
    (void)n_in;
    STY_TRY(sty_layer_expect(in, 1u << STY_SEQUENCE, "a sequence [T, D]", err));
    out[0] = p->output == LAST ? sty_shape_vector((size_t)p->units)
                               : sty_shape_sequence(in->dim[0], (size_t)p->units);
    return STY_OK;
}

static void slots(const void *params_, const sty_shape *in, sty_slots *list) {
    const gru_params *p = params_;
    const size_t u = (size_t)p->units;
    for (int l = 0; l < p->layers; l++) {
        STY_SLOT2(list, 3 * u, l ? u : in->dim[1], "weight_ih_l%d", l);
        STY_SLOT2(list, 3 * u, u, "weight_hh_l%d", l);
        STY_SLOT1(list, 3 * u, "bias_ih_l%d", l);
        STY_SLOT1(list, 3 * u, "bias_hh_l%d", l);
    }
}

static sty_status prepare(const void *params_, const sty_shape *in, const sty_slots *list,
                          const float *const *weights, sty_arena *arena, const void **state,
                          sty_err *err) {
    const gru_params *p = params_;
    const size_t u = (size_t)p->units;
    (void)list;
    sty_gru *gru;
    STY_TRY(sty_layer_alloc(arena, (size_t)p->layers, sizeof *gru, &gru, err));
    for (size_t l = 0; l < (size_t)p->layers; l++) {
        float *packed;
        STY_TRY(sty_layer_alloc(arena, sty_recurrent_packed(3 * u, u), sizeof *packed, &packed, err));
        sty_recurrent_pack(weights[4 * l + 1], 3 * u, u, packed);
        gru[l] = (sty_gru){.width = l ? (size_t)p->units : in->dim[1],
                           .units = (size_t)p->units,
                           .weight_ih = weights[4 * l],
                           .weight_hh = packed,
                           .bias_ih = weights[4 * l + 2],
                           .bias_hh = weights[4 * l + 3]};
    }
    *state = gru;
    return STY_OK;
}

/* Gate scratch, one state, and two sequences of states to pass between layers. */
static size_t scratch(const void *params_, const sty_shape *in, const sty_shape *out) {
    const gru_params *p = params_;
    const size_t u = (size_t)p->units, t = in->dim[0];
    (void)out;
    return sty_gru_scratch(&(sty_gru){.units = u}, t) + u + (p->layers > 1 ? 2 * t * u : 0);
}

static double work(const void *params_, const sty_shape *in, const sty_shape *out) {
    const gru_params *p = params_;
    (void)out;
    const double u = p->units;
    return (double)in->dim[0] * 3 * u * ((double)in->dim[1] + u + 2 * u * (p->layers - 1));
}

static void run(const sty_layer_call *call) {
    const gru_params *p = call->params;
    const sty_gru *gru = call->state;
    const size_t u = (size_t)p->units, t = call->in[0].shape.dim[0];
    float *gates = call->scratch, *state = gates + sty_gru_scratch(gru, t);
    float *between[2] = {state + u, state + u + t * u};
    const float *x = call->in[0].data;
    for (int l = 0; l < p->layers; l++) {
        const int last_layer = l == p->layers - 1;
        float *states = last_layer ? (p->output == ALL ? call->out[0].data : NULL) : between[l % 2];
        sty_gru_run(&gru[l], x, t, state, states, gates);
        x = states;
    }
    if (p->output == LAST) memcpy(call->out[0].data, state, u * sizeof *state);
}

static const char *const inputs[] = {"input", NULL};

const sty_layer_type sty_layer_gru = {
    .name = "gru",
    .summary = "gated recurrent units",
    .params = params,
    .n_params = STY_COUNT(params),
    .params_size = sizeof(gru_params),
    .inputs = inputs,
    .n_required = 1,
    .shape = shape,
    .slots = slots,
    .prepare = prepare,
    .scratch = scratch,
    .work = work,
    .run = run,
};
