/* positional_encoding.c - layer `positional_encoding`: sinusoids added to a sequence, or alone.
 *
 * Formula: y = x + e or e, e(t, 2i) = sin(t w_i), e(t, 2i + 1) = cos(t w_i), w_i = base^(-2i / D).
 * Shapes: x and y [T, D].
 * Scratch: none.
 * Source: the two precisions: see math/position.h. */
#include "layers/layers.h"
#include "math/position.h"

#include <string.h>

typedef struct {
    int mode, precision;
    double base;
} encoding_params;

enum { ADD, ONLY };
static const char *const modes[] = {"add", "only", NULL};
static const char *const precisions[] = {"float32", "float64", NULL};

static const sty_param params[] = {
    {.name = "mode", .kind = STY_PARAM_CHOICE, .offset = offsetof(encoding_params, mode),
     .initial = "add", .choices = modes, .help = "added to the input, or alone"},
    {.name = "base", .kind = STY_PARAM_NUMBER, .offset = offsetof(encoding_params, base),
     .initial = "10000", .low = 1, .high = 1e12, .help = "ratio of the longest and the shortest wave"},
    {.name = "precision", .kind = STY_PARAM_CHOICE, .offset = offsetof(encoding_params, precision),
     .initial = "float32", .choices = precisions, .help = "in which the angles are computed"},
};

static sty_status shape(const void *p, const sty_shape *in, size_t n_in, sty_shape *out,
                        sty_err *err) {
    (void)p, (void)n_in;
    STY_TRY(sty_layer_expect(in, 1u << STY_SEQUENCE, "a sequence [T, D]", err));
    out[0] = in[0];
    return STY_OK;
}

static void run(const sty_layer_call *call) {
    const encoding_params *p = call->params;
    const size_t t = call->in[0].shape.dim[0], d = call->in[0].shape.dim[1];
    if (p->mode == ADD) memcpy(call->out[0].data, call->in[0].data, t * d * sizeof(float));
    sty_position_sinusoid(t, d, p->base, p->precision == 1, p->mode == ADD, call->out[0].data);
}

static const char *const inputs[] = {"input", NULL};

const sty_layer_type sty_layer_positional_encoding = {
    .name = "positional_encoding",
    .summary = "sines and cosines of the position",
    .params = params,
    .n_params = STY_COUNT(params),
    .params_size = sizeof(encoding_params),
    .inputs = inputs,
    .n_required = 1,
    .shape = shape,
    .run = run,
};
