/* concat.c - layer `concat`: inputs side by side.
 *
 * Formula: y = [x_0 x_1 ...] along the last axis; a vector stands at every step or position.
 * Shapes: x_i [D_i], [T, D_i] or [F, T, D_i], all of one kind but for vectors; y of that kind, sum D_i wide.
 * Scratch: none.
 * Source: torch.cat of expanded inputs. */
#include "layers/layers.h"

#include <string.h>

typedef struct {
    int none; /* no parameters; a struct cannot be empty */
} concat_params;

/* The first input that is not a vector decides; all vectors: the first. */
static const sty_shape *leader(const sty_shape *in, size_t n_in) {
    for (size_t i = 0; i < n_in; i++)
        if (in[i].kind != STY_VECTOR) return &in[i];
    return &in[0];
}

static sty_status shape(const void *p, const sty_shape *in, size_t n_in, sty_shape *out,
                        sty_err *err) {
    const sty_shape *first = leader(in, n_in);
    sty_status status = STY_OK;
    size_t width = 0;
    (void)p;
    for (size_t i = 0; i < n_in; i++) {
        STY_TRY(sty_layer_expect_beside(first, &in[i], false, &status, err));
        if (!sty_add(width, sty_shape_width(&in[i]), &width))
            return sty_err_set(err, STY_BAD_MODEL, "the width of all inputs together does not fit");
    }
    out[0] = *first;
    out[0].dim[first->rank - 1] = width;
    return status;
}

static void run(const sty_layer_call *call) {
    const size_t width = sty_shape_width(&call->out[0].shape);
    const size_t n = sty_shape_count(&call->out[0].shape) / width;
    float *y = call->out[0].data;
    for (size_t i = 0; i < call->n_in; i++) {
        const size_t d = sty_shape_width(&call->in[i].shape);
        const size_t step = call->in[i].shape.kind == STY_VECTOR ? 0 : d;
        for (size_t t = 0; t < n; t++)
            memcpy(y + t * width, call->in[i].data + t * step, d * sizeof *y);
        y += d;
    }
}

static const char *const inputs[] = {"inputs", NULL};

const sty_layer_type sty_layer_concat = {
    .name = "concat",
    .summary = "inputs side by side",
    .params_size = sizeof(concat_params),
    .inputs = inputs,
    .n_required = 1,
    .variadic = true,
    .shape = shape,
    .flow = sty_flow_blocks,
    .run = run,
};
