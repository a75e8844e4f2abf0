/* glu.c - layer `glu`: a gated linear unit.
 *
 * Formula: y = a f(b), gate first: f(a) b; a and b the halves of the last axis.
 * Shapes: x [2 D], [T, 2 D] or [F, T, 2 D]; y half as wide.
 * Scratch: none.
 * Source: torch.nn.GLU, with any function as gate. */
#include "layers/layers.h"
#include "layers/norm_part.h"
#include "math/gate.h"

typedef struct {
    int activation, gate;
    double slope;
} glu_params;

static const char *const gates[] = {"second", "first", NULL};

static const sty_param params[] = {
    STY_ACTIVATION_ROWS("activation", "slope", offsetof(glu_params, activation),
                        offsetof(glu_params, slope), "sigmoid", "0.01"),
    {.name = "gate", .kind = STY_PARAM_CHOICE, .offset = offsetof(glu_params, gate),
     .initial = "second", .choices = gates, .help = "the half that goes through the function"},
};

static sty_status shape(const void *p, const sty_shape *in, size_t n_in, sty_shape *out,
                        sty_err *err) {
    (void)p, (void)n_in;
    STY_TRY(sty_layer_expect(in, 1u << STY_VECTOR | 1u << STY_SEQUENCE | 1u << STY_IMAGE,
                             "a vector, sequence or image", err));
    const size_t width = sty_shape_width(in);
    if (width % 2 != 0)
        return sty_err_set(err, STY_BAD_MODEL, "the width %zu of the input has no halves", width);
    out[0] = in[0];
    out[0].dim[in->rank - 1] = width / 2;
    return STY_OK;
}

static void run(const sty_layer_call *call) {
    const glu_params *p = call->params;
    const size_t c = sty_shape_width(&call->out[0].shape);
    const size_t n = sty_shape_count(&call->out[0].shape) / c;
    sty_glu((sty_activation)p->activation, (float)p->slope, p->gate == 1, n, c, call->in[0].data,
            call->out[0].data);
}

static const char *const inputs[] = {"input", NULL};

const sty_layer_type sty_layer_glu = {
    .name = "glu",
    .summary = "gated linear unit",
    .params = params,
    .n_params = STY_COUNT(params),
    .params_size = sizeof(glu_params),
    .inputs = inputs,
    .n_required = 1,
    .shape = shape,
    .flow = sty_flow_blocks,
    .run = run,
};
