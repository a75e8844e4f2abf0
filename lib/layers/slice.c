/* slice.c - layer `slice`: a part of the last axis.
 *
 * Formula: y_i = x_(start + i), 0 <= i < width.
 * Shapes: x [D], [T, D] or [F, T, D]; y the same but `width` wide.
 * Scratch: none.
 * Source: torch.narrow. */
#include "layers/layers.h"

#include <string.h>

typedef struct {
    int start, width;
} slice_params;

static const sty_param params[] = {
    {.name = "start", .kind = STY_PARAM_INT, .offset = offsetof(slice_params, start),
     .initial = "0", .low = 0, .high = 1 << 24, .help = "first element"},
    {.name = "width", .kind = STY_PARAM_INT, .offset = offsetof(slice_params, width), .low = 1,
     .high = 1 << 24, .help = "number of elements"},
};

static sty_status shape(const void *params_, const sty_shape *in, size_t n_in, sty_shape *out,
                        sty_err *err) {
    const slice_params *p = params_;
    (void)n_in;
    STY_TRY(sty_layer_expect(in, 1u << STY_VECTOR | 1u << STY_SEQUENCE | 1u << STY_IMAGE,
                             "a vector, sequence or image", err));
    if ((size_t)p->start + (size_t)p->width > sty_shape_width(in))
        return sty_err_set(err, STY_BAD_MODEL, "elements %d to %d are outside an input of width %zu",
                           p->start, p->start + p->width - 1, sty_shape_width(in));
    out[0] = in[0];
    out[0].dim[in->rank - 1] = (size_t)p->width;
    return STY_OK;
}

static void run(const sty_layer_call *call) {
    const slice_params *p = call->params;
    const size_t from = sty_shape_width(&call->in[0].shape), to = (size_t)p->width;
    const size_t n = sty_shape_count(&call->out[0].shape) / to;
    for (size_t i = 0; i < n; i++)
        memcpy(call->out[0].data + i * to, call->in[0].data + i * from + p->start,
               to * sizeof(float));
}

static const char *const inputs[] = {"input", NULL};

const sty_layer_type sty_layer_slice = {
    .name = "slice",
    .summary = "a part of the last axis",
    .params = params,
    .n_params = STY_COUNT(params),
    .params_size = sizeof(slice_params),
    .inputs = inputs,
    .n_required = 1,
    .shape = shape,
    .flow = sty_flow_blocks,
    .run = run,
};
