/* conformer_conv_module.c - layer of that name: the convolution module of a conformer.
 *
 * Formula: [a b] = conv_1(norm(x)); y = conv_2(f(norm_2(depthwise(a g(b))))) [+ x]
 * Shapes: x and y [T, D]; a and b [T, W], W = expansion D.
 * Scratch: the normed input [T, D], [a b] and the gated [T, 3 W], and the depthwise convolution's.
 * Source: Gulati et al. 2020 (arXiv 2005.08100). Defaults: ConformerConvModule of
 *   nickovchinnikov/tts-framework and its relatives; with expansion 1, kernel 31, batch norm, swish and a
 *   sigmoid gate the original, as in keonlee9420/Comprehensive-Transformer-TTS. */
#include "layers/conv_module_part.h"
#include "layers/layers.h"

static const sty_param params[] = {
    STY_CONV_MODULE_ROWS("", 0),
    STY_CONV_MODULE_FLAG("", 0, residual, "false", "the input is added at the end"),
};

static sty_status shape(const void *p, const sty_shape *in, size_t n_in, sty_shape *out,
                        sty_err *err) {
    (void)n_in;
    STY_TRY(sty_layer_expect(in, 1u << STY_SEQUENCE, "a sequence [T, D]", err));
    out[0] = in[0];
    return sty_conv_module_check(p, in->dim[1], in->dim[0], err);
}

static void slots(const void *p, const sty_shape *in, sty_slots *list) {
    sty_conv_module_slots(p, in->dim[1], "", list);
}

static sty_status prepare(const void *p, const sty_shape *in, const sty_slots *list,
                          const float *const *weights, sty_arena *arena, const void **state,
                          sty_err *err) {
    sty_conv_module_state *s;
    STY_TRY(sty_layer_alloc(arena, 1, sizeof *s, &s, err));
    *state = s;
    return sty_conv_module_prepare(p, in->dim[1], "", list, weights, arena, s, err);
}

static size_t scratch(const void *p, const sty_shape *in, const sty_shape *out) {
    (void)out;
    return sty_conv_module_floats(p, in->dim[1], in->dim[0]);
}

static double work(const void *p, const sty_shape *in, const sty_shape *out) {
    (void)out;
    return sty_conv_module_work(p, in->dim[1], in->dim[0]);
}

static void run(const sty_layer_call *call) {
    const size_t *dim = call->in[0].shape.dim;
    sty_conv_module_apply(call->params, call->state, call->in[0].data, dim[0], dim[1],
                          call->out[0].data, call->scratch);
}

static sty_reach reach(const void *params_, const sty_shape *in) {
    const sty_conv_module_params *p = params_;
    sty_norm_params first = p->norm;
    first.kind = p->first_norm;
    if (sty_norm_sees_all(&p->norm) || sty_norm_sees_all(&first)) return sty_reach_whole(p, in);
    return (sty_reach){(size_t)p->kernel, 1, (size_t)p->kernel / 2};
}

static const char *const inputs[] = {"input", NULL};

const sty_layer_type sty_layer_conformer_conv_module = {
    .name = "conformer_conv_module",
    .summary = "pointwise, gate, depthwise, norm, pointwise",
    .params = params,
    .n_params = STY_COUNT(params),
    .params_size = sizeof(sty_conv_module_params),
    .inputs = inputs,
    .n_required = 1,
    .shape = shape,
    .slots = slots,
    .prepare = prepare,
    .scratch = scratch,
    .work = work,
    .reach = reach,
    .run = run,
};
