/* linear.c - layer `linear`: a matrix product, a bias, an activation.
 *
 * Formula: y = f(W x + b), for each step of a sequence.
 * Shapes: x [D] or [T, D]; y [units] or [T, units].
 * Scratch: none.
 * Source: torch.nn.Linear, then the torch.nn activation. */
#include "layers/layers.h"
#include "layers/linear_part.h"
#include "math/activation.h"

typedef struct {
    int units, activation;
    bool bias;
    double slope;
} linear_params;

static const sty_param params[] = {
    {.name = "units", .kind = STY_PARAM_INT, .offset = offsetof(linear_params, units), .low = 1,
     .high = 65536, .help = "output width"},
    {.name = "bias", .kind = STY_PARAM_BOOL, .offset = offsetof(linear_params, bias),
     .initial = "true", .help = "a bias is added"},
    {.name = "activation", .kind = STY_PARAM_CHOICE, .offset = offsetof(linear_params, activation),
     .initial = "none", .choices = sty_activation_names, .help = "function of the result"},
    {.name = "slope", .kind = STY_PARAM_NUMBER, .offset = offsetof(linear_params, slope),
     .initial = "0.01", .low = -10, .high = 10, .help = "of leaky_relu"},
};

static sty_status shape(const void *params_, const sty_shape *in, size_t n_in, sty_shape *out,
                        sty_err *err) {
    const linear_params *p = params_;
    (void)n_in;
    STY_TRY(sty_layer_expect(in, 1u << STY_VECTOR | 1u << STY_SEQUENCE, "a vector or a sequence",
                             err));
    out[0] = in[0];
    out[0].dim[in->rank - 1] = (size_t)p->units;
    return STY_OK;
}

static void slots(const void *params_, const sty_shape *in, sty_slots *list) {
    const linear_params *p = params_;
    STY_SLOT2(list, (size_t)p->units, sty_shape_width(in), "weight");
    if (p->bias) STY_SLOT1(list, (size_t)p->units, "bias");
}

static sty_status prepare(const void *params_, const sty_shape *in, const sty_slots *list,
                          const float *const *weights, sty_arena *arena, const void **state,
                          sty_err *err) {
    const linear_params *p = params_;
    const size_t d = sty_shape_width(in);
    sty_linear *s;
    STY_TRY(sty_layer_alloc(arena, 1, sizeof *s, &s, err));
    *state = s;
    return sty_linear_bind((size_t)p->units, d, sty_weight(list, weights, "weight"), d,
                           sty_weight(list, weights, "bias"), arena, s, err);
}

static double work(const void *params_, const sty_shape *in, const sty_shape *out) {
    (void)params_;
    return (double)sty_shape_count(out) * (double)sty_shape_width(in);
}

static void run(const sty_layer_call *call) {
    const linear_params *p = call->params;
    const sty_linear *s = call->state;
    sty_linear_apply(s, &(sty_linear_call){.n = sty_shape_steps(&call->in[0].shape),
                                           .x_ld = s->columns,
                                           .y_ld = s->rows,
                                           .x = call->in[0].data,
                                           .y = call->out[0].data,
                                           .activation = (sty_activation)p->activation,
                                           .slope = (float)p->slope});
}

static const char *const inputs[] = {"input", NULL};

const sty_layer_type sty_layer_linear = {
    .name = "linear",
    .summary = "matrix product, bias, activation",
    .params = params,
    .n_params = STY_COUNT(params),
    .params_size = sizeof(linear_params),
    .inputs = inputs,
    .n_required = 1,
    .shape = shape,
    .slots = slots,
    .prepare = prepare,
    .work = work,
    .flow = sty_flow_blocks,
    .run = run,
};
