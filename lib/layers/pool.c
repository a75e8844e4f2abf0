/* pool.c - layer `pool`: one vector from all steps of a sequence or all
 * positions of an image. Means are summed in double. */
#include "layers/layers.h"

#include <math.h>
#include <string.h>

typedef struct {
    int kind;
} pool_params;

enum { MEAN, LAST, MAX };
static const char *const kinds[] = {"mean", "last", "max", NULL};

static const sty_param params[] = {
    {.name = "kind", .kind = STY_PARAM_CHOICE, .offset = offsetof(pool_params, kind),
     .initial = "mean", .choices = kinds, .help = "what is made of each channel"},
};

static sty_status shape(const void *params_, const sty_shape *in, size_t n_in, sty_shape *out,
                        sty_err *err) {
    const pool_params *p = params_;
    const bool last = p->kind == LAST;
    char text[64], mask[64];
    STY_TRY(sty_layer_expect(in, 1u << STY_SEQUENCE | (last ? 0 : 1u << STY_IMAGE),
                             last ? "a sequence [T, D]" : "a sequence or an image", err));
    out[0] = sty_shape_vector(sty_shape_width(in));
    if (n_in < 2 || in[1].kind == STY_ABSENT) return STY_OK;
    if (in[0].kind != STY_SEQUENCE || in[1].kind != STY_VECTOR)
        return sty_err_set(err, STY_BAD_MODEL, "mask is %s for an input %s, expected [T] for a sequence",
                           sty_shape_text(&in[1], mask), sty_shape_text(&in[0], text));
    if (in[1].dim[0] != in[0].dim[0])
        return sty_err_set(err, STY_BAD_ARGUMENT, "mask is %s for an input %s",
                           sty_shape_text(&in[1], mask), sty_shape_text(&in[0], text));
    return STY_OK;
}

/* A mask without any 1 counts nothing: the result is zeros. */
static void run(const sty_layer_call *call) {
    const pool_params *p = call->params;
    const size_t c = sty_shape_width(&call->in[0].shape);
    const size_t n = sty_shape_count(&call->in[0].shape) / c;
    const float *x = call->in[0].data, *mask = call->n_in > 1 ? call->in[1].data : NULL;
    float *y = call->out[0].data;
    for (size_t j = 0; j < c; j++) {
        double sum = 0, count = 0;
        float last = 0, largest = -INFINITY;
        for (size_t i = 0; i < n; i++) {
            if (mask && mask[i] == 0.0f) continue;
            last = x[i * c + j];
            if (last > largest) largest = last;
            sum += (double)last;
            count++;
        }
        if (count == 0) y[j] = 0;
        else y[j] = p->kind == MEAN ? (float)(sum / count) : p->kind == LAST ? last : largest;
    }
}

static const char *const inputs[] = {"input", "mask", NULL};

const sty_layer_type sty_layer_pool = {
    .name = "pool",
    .summary = "one vector from all steps or positions",
    .params = params,
    .n_params = STY_COUNT(params),
    .params_size = sizeof(pool_params),
    .inputs = inputs,
    .n_required = 1,
    .shape = shape,
    .reach = sty_reach_whole,
    .run = run,
};
