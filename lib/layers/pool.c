/* pool.c - layer `pool`: one vector from all steps or positions.
 *
 * Formula: y_c = mean, last or largest of x_tc; with a mask, over the steps where it is 1 (none: zeros).
 *   Means are summed in double, bin by bin, and the bins' sums then: that order does not depend on how the
 *   steps are cut into parts.
 * Shapes: x [T, D] or, but for last, [F, T, D], mask [T] of a sequence; y [D].
 * Scratch: none; what is carried: a count and [F, D] in double.
 * Source: torch.mean, torch.max over the axis; x[-1]. */
#include "layers/layers.h"

#include <math.h>

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

static size_t n_bins(const sty_shape *in) { return in->kind == STY_IMAGE ? in->dim[0] : 1; }

/* What is kept: the steps counted, then [F, C] of sums, or of the last or largest values. */
typedef struct {
    double *count, *held;
} pool_state;

static pool_state state_of(float *carry) {
    double *all = (double *)(void *)carry; /* carries are aligned */
    return (pool_state){all, all + 1};
}

static size_t carry(const void *p, const sty_shape *in) {
    (void)p;
    return (1 + n_bins(in) * sty_shape_width(in)) * sizeof(double) / sizeof(float);
}

static void add_step(int kind, const float *x, size_t c, double *held) {
    for (size_t j = 0; j < c; j++) {
        const double v = (double)x[j];
        held[j] = kind == MEAN ? held[j] + v : kind == LAST || v > held[j] ? v : held[j];
    }
}

/* A mask without any 1 counts nothing: the result is zeros. */
static void finish(int kind, const pool_state *s, size_t bins, size_t c, float *y) {
    for (size_t j = 0; j < c; j++) {
        double all = s->held[j];
        for (size_t f = 1; f < bins; f++) {
            const double v = s->held[f * c + j];
            all = kind == MEAN ? all + v : v > all ? v : all;
        }
        if (kind == MEAN) all /= *s->count * (double)bins;
        y[j] = *s->count > 0 ? (float)all : 0.0f;
    }
}

static void run(const sty_layer_call *call) {
    const pool_params *p = call->params;
    const sty_shape *in = &call->in[0].shape;
    const size_t bins = n_bins(in), frames = in->dim[in->rank - 2], c = sty_shape_width(in);
    const float *mask = call->n_in > 1 ? call->in[1].data : NULL;
    const pool_state s = state_of(call->carry);
    if (call->part.at == 0) {
        *s.count = 0;
        for (size_t i = 0; i < bins * c; i++)
            s.held[i] = p->kind == MAX ? -INFINITY : 0;
    }
    const size_t begin = call->part.begin, end = begin + call->part.n;
    for (size_t t = begin; t < end; t++)
        *s.count += !mask || mask[t] != 0.0f;
    for (size_t f = 0; f < bins; f++)
        for (size_t t = begin; t < end; t++)
            if (!mask || mask[t] != 0.0f) add_step(p->kind, call->in[0].data + (f * frames + t) * c, c, s.held + f * c);
    if (call->part.last) finish(p->kind, &s, bins, c, call->out[0].data);
}

static sty_flow flow(const void *p) {
    (void)p;
    return STY_FLOW_CARRY;
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
    .flow = flow,
    .carry = carry,
    .run = run,
};
