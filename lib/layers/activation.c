/* activation.c - layer `activation`: an element-wise function.
 *
 * Formula: y = f(x), f as in math/activation.h.
 * Shapes: x of any kind; y the same.
 * Scratch: none.
 * Source: the torch.nn module of the same name (swish = SiLU). */
#include "layers/layers.h"
#include "math/activation.h"

#include <string.h>

typedef struct {
    int kind;
    double slope;
} activation_params;

static const sty_param params[] = {
    {.name = "kind", .kind = STY_PARAM_CHOICE, .offset = offsetof(activation_params, kind),
     .choices = sty_activation_names, .help = "the function"},
    {.name = "slope", .kind = STY_PARAM_NUMBER, .offset = offsetof(activation_params, slope),
     .initial = "0.01", .low = -10, .high = 10, .help = "of leaky_relu"},
};

static sty_status shape(const void *p, const sty_shape *in, size_t n_in, sty_shape *out,
                        sty_err *err) {
    (void)p, (void)n_in, (void)err;
    out[0] = in[0];
    return STY_OK;
}

static void run(const sty_layer_call *call) {
    const activation_params *p = call->params;
    const size_t n = sty_shape_count(&call->in[0].shape);
    memcpy(call->out[0].data, call->in[0].data, n * sizeof(float));
    sty_activate((sty_activation)p->kind, (float)p->slope, call->out[0].data, n);
}

static const char *const inputs[] = {"input", NULL};

const sty_layer_type sty_layer_activation = {
    .name = "activation",
    .summary = "element-wise function",
    .params = params,
    .n_params = STY_COUNT(params),
    .params_size = sizeof(activation_params),
    .inputs = inputs,
    .n_required = 1,
    .shape = shape,
    .flow = sty_flow_blocks,
    .run = run,
};
