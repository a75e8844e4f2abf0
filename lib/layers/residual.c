/* residual.c - layers `residual` and `add`, one thing by two names.
 *
 * Formula: y = x_0 + factor (x_1 + x_2 + ...); a vector among the later inputs is added at every step or
 *   position.
 * Shapes: x_0 of any kind but heads; the others of its shape, or vectors of its width; y as x_0.
 * Scratch: none.
 * Source: torch.add with alpha. */
#include "layers/layers.h"

#include <string.h>

typedef struct {
    double factor;
} residual_params;

static const sty_param params[] = {
    {.name = "factor", .kind = STY_PARAM_NUMBER, .offset = offsetof(residual_params, factor),
     .initial = "1", .low = -1e6, .high = 1e6, .help = "of every input but the first"},
};

static sty_status shape(const void *p, const sty_shape *in, size_t n_in, sty_shape *out,
                        sty_err *err) {
    sty_status status = STY_OK;
    (void)p;
    out[0] = in[0];
    for (size_t i = 1; i < n_in; i++)
        STY_TRY(sty_layer_expect_beside(&in[0], &in[i], true, &status, err));
    return status;
}

static void run(const sty_layer_call *call) {
    const residual_params *p = call->params;
    const size_t n = sty_shape_count(&call->out[0].shape);
    const float factor = (float)p->factor;
    float *y = call->out[0].data;
    memcpy(y, call->in[0].data, n * sizeof *y);
    for (size_t i = 1; i < call->n_in; i++) {
        const float *x = call->in[i].data;
        const size_t m = sty_shape_count(&call->in[i].shape);
        for (size_t at = 0; at < n; at += m) /* m = n, or a vector again and again */
            for (size_t j = 0; j < m; j++)
                y[at + j] += factor * x[j];
    }
}

static const char *const inputs[] = {"inputs", NULL};

#define TYPE(label, text)                                                                          \
    {.name = label, .summary = text, .params = params, .n_params = STY_COUNT(params),              \
     .params_size = sizeof(residual_params), .inputs = inputs, .n_required = 1, .variadic = true,  \
     .shape = shape, .flow = sty_flow_blocks, .run = run}

const sty_layer_type sty_layer_add = TYPE("add", "the sum of its inputs");
const sty_layer_type sty_layer_residual = TYPE("residual", "its inputs added up: a connection around layers");
