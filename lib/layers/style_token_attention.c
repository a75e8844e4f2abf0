/* style_token_attention.c - layer `style_token_attention`: attention of a query over K
 * learned tokens.
 *
 * Formula: per head h: w_h = softmax(q_h k_h^T / sqrt(scale)); q, k and what follows as in token_part.h.
 * Shapes: x [D] or [T, D]; y [E'] or [T, E'], E' = out, or the values of all heads; attention [H, K] or [H, T, K].
 * Scratch: the projected queries, the heads before `out` (token_part.h), and a block of scores.
 * Source: the style token layer of Wang et al. 2018 (arXiv 1803.09017) as KinglittleQ/GST-Tacotron and its
 *   descendants write it. softmax_axis batch reproduces the DelightfulTTS line, whose softmax runs over the
 *   clips of a batch: with one clip every weight is 1.
 *
 * The tokens are keys and values of math/attention.h, and the scale is put on the keys when
 * the model is bound. */
#include "layers/layers.h"
#include "layers/token_part.h"
#include "math/attention.h"

#include <math.h>

enum { SCALE_TOKEN, SCALE_HEAD, SCALE_UNITS, SCALE_NONE };
static const char *const scales[] = {"token_width", "head_width", "units", "none", NULL};

static const sty_param params[] = {
    STY_TOKEN_ROWS("false", "true"),
    {.name = "scale", .kind = STY_PARAM_CHOICE, .offset = STY_TOKEN_AT(scale), .initial = "token_width",
     .choices = scales, .help = "scores are divided by its square root"},
};

static void slots(const void *p, const sty_shape *in, sty_slots *list) { sty_token_slots(p, in, list); }

static double divisor(const sty_token_params *p) {
    switch (p->scale) {
    case SCALE_TOKEN: return p->token_width;
    case SCALE_HEAD: return (double)p->units / p->heads;
    case SCALE_UNITS: return p->units;
    default: return 1.0;
    }
}

static sty_status prepare(const void *params_, const sty_shape *in, const sty_slots *list,
                          const float *const *weights, sty_arena *arena, const void **state,
                          sty_err *err) {
    const sty_token_params *p = params_;
    const float scale = (float)(1.0 / sqrt(divisor(p)));
    sty_token_state *s;
    STY_TRY(sty_layer_alloc(arena, 1, sizeof *s, &s, err));
    STY_TRY(sty_token_prepare(p, in, list, weights, arena, s, err));
    for (size_t i = 0; i < (size_t)p->tokens * (size_t)p->units; i++)
        s->keys[i] *= scale;
    *state = s;
    return STY_OK;
}

/* Of n queries; what points into memory is filled in by run. */
static sty_attention describe(const sty_token_params *p, size_t n) {
    const size_t u = (size_t)p->units, heads = (size_t)p->heads;
    return (sty_attention){.heads = heads,
                           .n_queries = n,
                           .n_keys = (size_t)p->tokens,
                           .key_width = u / heads,
                           .value_width = sty_token_value_width(p),
                           .query_ld = u,
                           .key_ld = u,
                           .value_ld = sty_token_value_ld(p),
                           .value_step = sty_token_value_step(p),
                           .out_ld = sty_token_value_width(p) * heads,
                           .uniform = p->softmax_axis == STY_OVER_BATCH};
}

static size_t scratch(const void *params_, const sty_shape *in, const sty_shape *out) {
    const size_t n = sty_shape_steps(in);
    const sty_attention a = describe(params_, n);
    (void)out;
    return sty_token_floats(params_, n) + sty_attention_scratch(&a);
}

static void run(const sty_layer_call *call) {
    const sty_token_params *p = call->params;
    const sty_token_state *s = call->state;
    const size_t n = sty_shape_steps(&call->in[0].shape);
    sty_attention a = describe(p, n);
    a.query = sty_token_queries(s, n, call->in[0].data, call->scratch);
    a.key = s->keys;
    a.value = s->values;
    a.out = sty_token_heads(p, n, call->scratch, call->out[0].data);
    a.weights = call->out[1].data;
    sty_attention_run(&a, call->scratch + sty_token_floats(p, n));
    sty_token_finish(s, n, a.out, call->out[0].data);
}

static const char *const inputs[] = {"query", NULL};

const sty_layer_type sty_layer_style_token_attention = {
    .name = "style_token_attention",
    .summary = "attention of a query over learned style tokens",
    .params = params,
    .n_params = STY_COUNT(params),
    .params_size = sizeof(sty_token_params),
    .inputs = inputs,
    .n_required = 1,
    .extra = "attention",
    .shape = sty_token_shape,
    .slots = slots,
    .prepare = prepare,
    .scratch = scratch,
    .work = sty_token_work,
    .run = run,
    .mix = sty_token_mix,
};
