/* multi_head_attention.c - layer `multi_head_attention`: scaled dot-product attention.
 *
 * Formula: y_h = softmax(q_h k_h^T / sqrt(scale)) v_h, heads h contiguous slices of the projected q, k, v; then
 *   Wo y + b where `out` is given.
 * Shapes: query [Tq, .], key and value [Tk, .], mask [Tk] or [Tq, Tk]; y [Tq, units] or [Tq, out]; a vector is
 *   one step; attention [H, Tq, Tk].
 * Scratch: the scaled queries, the projected keys and values, the heads before `out`, a block of scores (attention_part).
 * Source: with scale key_width and without biases the MultiHeadAttention of the King family, with scale
 *   head_width and `out` that of labmlai/annotated_deep_learning_paper_implementations and torch.nn. */
#include "layers/attention_part.h"
#include "layers/layers.h"

static const sty_param params[] = {
    STY_ATTENTION_WIDTH_ROWS(0),
    STY_ATTENTION_BIAS_ROWS(0, "false"),
    STY_ATTENTION_SCORE_ROWS(0, "head_width", "minus_infinity"),
};

/* The parameters, and inputs with the port that this type has not. */
typedef struct {
    sty_attention_params p;
    sty_shape in[STY_N_ATTENTION_PORTS];
} resolved;

static resolved resolve(const void *params_, const sty_shape *in) {
    resolved r = {.p = *(const sty_attention_params *)params_};
    r.p.positions = STY_POSITIONS_NONE;
    for (int i = 0; i < STY_PORT_POSITION; i++)
        r.in[i] = in[i];
    return r;
}

static sty_status shape(const void *p, const sty_shape *in, size_t n_in, sty_shape *out,
                        sty_err *err) {
    const resolved r = resolve(p, in);
    (void)n_in;
    return sty_attention_shape(&r.p, r.in, out, err);
}

static void slots(const void *p, const sty_shape *in, sty_slots *list) {
    const resolved r = resolve(p, in);
    sty_attention_slots(&r.p, r.in, "", list);
}

static sty_status prepare(const void *p, const sty_shape *in, const sty_slots *list,
                          const float *const *weights, sty_arena *arena, const void **state,
                          sty_err *err) {
    const resolved r = resolve(p, in);
    sty_attention_state *s;
    STY_TRY(sty_layer_alloc(arena, 1, sizeof *s, &s, err));
    *state = s;
    return sty_attention_prepare(&r.p, r.in, "", list, weights, arena, s, err);
}

static size_t scratch(const void *p, const sty_shape *in, const sty_shape *out) {
    const resolved r = resolve(p, in);
    (void)out;
    return sty_attention_floats(&r.p, r.in);
}

static double work(const void *p, const sty_shape *in, const sty_shape *out) {
    const resolved r = resolve(p, in);
    (void)out;
    return sty_attention_work(&r.p, r.in);
}

static void run(const sty_layer_call *call) {
    sty_attention_params p = *(const sty_attention_params *)call->params;
    sty_tensor in[STY_N_ATTENTION_PORTS] = {{{0}, 0}};
    p.positions = STY_POSITIONS_NONE;
    for (int i = 0; i < STY_PORT_POSITION; i++)
        in[i] = call->in[i];
    sty_attention_apply(&p, call->state, in, call->out[0].data, call->out[1].data, NULL, call->scratch);
}

static const char *const inputs[] = {"query", "key", "value", "mask", NULL};

const sty_layer_type sty_layer_multi_head_attention = {
    .name = "multi_head_attention",
    .summary = "scaled dot-product attention over a sequence",
    .params = params,
    .n_params = STY_COUNT(params),
    .params_size = sizeof(sty_attention_params),
    .inputs = inputs,
    .n_required = 1,
    .extra = "attention",
    .shape = shape,
    .slots = slots,
    .prepare = prepare,
    .scratch = scratch,
    .work = work,
    .reach = sty_reach_whole,
    .run = run,
};
