/* feed_forward.c - layer `feed_forward`: the position-wise network of transformers and conformers.
 *
 * Formula: y = factor second(f(first(n)) [gate(n)]) [+ x], n = norm(x)
 * Shapes: x and y [T, D], linear also [D]; first and gate D to W, second W to D.
 * Scratch: n [T, D], the inner [T, W], the gate [T, W], and the larger convolution's.
 * Source: conv: FeedForward of nickovchinnikov/tts-framework and its relatives (kernel 3, then 1, half a
 *   step). linear: that of keonlee9420/Comprehensive-Transformer-TTS, and with gate that of
 *   labmlai/annotated_deep_learning_paper_implementations. */
#include "layers/feed_forward_part.h"
#include "layers/layers.h"

static const sty_param params[] = {
    STY_FEED_FORWARD_ROWS("", 0),
    STY_FEED_FORWARD_FLAG("", 0, residual, "false", "the input is added at the end"),
};

static sty_status shape(const void *params_, const sty_shape *in, size_t n_in, sty_shape *out,
                        sty_err *err) {
    const sty_feed_forward_params *p = params_;
    const bool conv = p->kind == STY_FEED_FORWARD_CONV;
    (void)n_in;
    STY_TRY(sty_layer_expect(in, 1u << STY_SEQUENCE | (conv ? 0 : 1u << STY_VECTOR),
                             conv ? "a sequence [T, D]" : "a vector or a sequence", err));
    out[0] = in[0];
    return sty_feed_forward_check(p, sty_shape_width(in), sty_shape_steps(in), err);
}

static void slots(const void *p, const sty_shape *in, sty_slots *list) {
    sty_feed_forward_slots(p, sty_shape_width(in), "", list);
}

static sty_status prepare(const void *p, const sty_shape *in, const sty_slots *list,
                          const float *const *weights, sty_arena *arena, const void **state,
                          sty_err *err) {
    sty_feed_forward_state *s;
    STY_TRY(sty_layer_alloc(arena, 1, sizeof *s, &s, err));
    *state = s;
    return sty_feed_forward_prepare(p, sty_shape_width(in), "", list, weights, arena, s, err);
}

static size_t scratch(const void *p, const sty_shape *in, const sty_shape *out) {
    (void)out;
    return sty_feed_forward_floats(p, sty_shape_width(in), sty_shape_steps(in));
}

static double work(const void *p, const sty_shape *in, const sty_shape *out) {
    (void)out;
    return sty_feed_forward_work(p, sty_shape_width(in), sty_shape_steps(in));
}

static void run(const sty_layer_call *call) {
    const sty_shape *in = &call->in[0].shape;
    sty_feed_forward_apply(call->params, call->state, call->in[0].data, sty_shape_steps(in),
                           sty_shape_width(in), call->out[0].data, call->scratch);
}

static sty_reach reach(const void *params_, const sty_shape *in) {
    const sty_feed_forward_params *p = params_;
    if (sty_norm_sees_all(&p->norm)) return sty_reach_whole(p, in);
    if (p->kind != STY_FEED_FORWARD_CONV) return (sty_reach){1, 1, 0};
    return (sty_reach){(size_t)(p->kernel + p->second_kernel - 1), 1, (size_t)(p->kernel / 2 + p->second_kernel / 2)};
}

static const char *const inputs[] = {"input", NULL};

const sty_layer_type sty_layer_feed_forward = {
    .name = "feed_forward",
    .summary = "norm, two layers with an activation, a factor",
    .params = params,
    .n_params = STY_COUNT(params),
    .params_size = sizeof(sty_feed_forward_params),
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
