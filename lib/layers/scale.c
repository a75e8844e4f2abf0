/* scale.c - layer `scale`: the input times a number.
 *
 * Formula: y = factor x.
 * Shapes: x of any kind; y the same.
 * Scratch: none.
 * Source: torch.mul by a number. */
#include "layers/layers.h"

typedef struct {
    double factor;
} scale_params;

static const sty_param params[] = {
    {.name = "factor", .kind = STY_PARAM_NUMBER, .offset = offsetof(scale_params, factor),
     .low = -1e6, .high = 1e6, .help = "what every value is multiplied by"},
};

static sty_status shape(const void *p, const sty_shape *in, size_t n_in, sty_shape *out,
                        sty_err *err) {
    (void)p, (void)n_in, (void)err;
    out[0] = in[0];
    return STY_OK;
}

static void run(const sty_layer_call *call) {
    const scale_params *p = call->params;
    const size_t n = sty_shape_count(&call->in[0].shape);
    const float factor = (float)p->factor, *x = call->in[0].data;
    for (size_t i = 0; i < n; i++)
        call->out[0].data[i] = factor * x[i];
}

static const char *const inputs[] = {"input", NULL};

const sty_layer_type sty_layer_scale = {
    .name = "scale",
    .summary = "the input times a number",
    .params = params,
    .n_params = STY_COUNT(params),
    .params_size = sizeof(scale_params),
    .inputs = inputs,
    .n_required = 1,
    .shape = shape,
    .flow = sty_flow_blocks,
    .run = run,
};
