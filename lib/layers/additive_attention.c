/* additive_attention.c - layer `additive_attention`: attention over K learned tokens with the
 * scores of a perceptron.
 *
 * Formula: per head h: score_t = sum_j n_j tanh(k_tj + q_j + b_j), n = g v / |v|; w_h = softmax(score);
 *   q, k, the slices of head h, and what follows as in token_part.h.
 * Shapes: x [D] or [T, D]; y [E'] or [T, E'], E' = out, or the values of all heads; attention [H, K] or [H, T, K].
 * Scratch: the projected queries and the heads (token_part.h), one row of weights [K], the inner values
 *   [K, U / H] of the perceptron.
 * Source: syang1993/gst-tacotron, acetylSv/GST-tacotron; Bahdanau et al. 2015, normalised as by Salimans
 *   and Kingma 2016.
 *
 * Keys with b added, and n, depend on the weights only and are made when the model is bound. */
#include "layers/layers.h"
#include "layers/token_part.h"
#include "math/activation.h"

#include <math.h>

typedef struct {
    sty_token_state tokens; /* first: sty_token_mix sees it; b is added to the keys */
    float *n;               /* [U / H] */
} additive_state;

static const sty_param params[] = {
    STY_TOKEN_ROWS("true", "false"),
    STY_TOKEN_FLAG(normalize, "true", "v is normalised and g and b exist"),
};

static size_t head_width(const sty_token_params *p) { return (size_t)p->units / (size_t)p->heads; }

static void slots(const void *params_, const sty_shape *in, sty_slots *list) {
    const sty_token_params *p = params_;
    sty_token_slots(p, in, list);
    STY_SLOT1(list, head_width(p), "v");
    if (!p->normalize) return;
    STY_SLOT1(list, 1, "g");
    STY_SLOT1(list, head_width(p), "b");
}

/* n = g v / |v|, or v, and keys += b. */
static void fold_perceptron(const sty_token_params *p, const float *v, const float *g, const float *b,
                            additive_state *s) {
    const size_t u = (size_t)p->units, head = head_width(p);
    double squares = 0;
    for (size_t j = 0; j < head; j++)
        squares += (double)v[j] * (double)v[j];
    for (size_t j = 0; j < head; j++)
        s->n[j] = g ? (float)((double)*g * (double)v[j] / sqrt(squares)) : v[j];
    for (size_t i = 0; b && i < (size_t)p->tokens * u; i++)
        s->tokens.keys[i] += b[i % u % head];
}

static sty_status prepare(const void *params_, const sty_shape *in, const sty_slots *list,
                          const float *const *weights, sty_arena *arena, const void **state,
                          sty_err *err) {
    const sty_token_params *p = params_;
    additive_state *s;
    STY_TRY(sty_layer_alloc(arena, 1, sizeof *s, &s, err));
    STY_TRY(sty_layer_alloc(arena, head_width(p), sizeof *s->n, &s->n, err));
    STY_TRY(sty_token_prepare(p, in, list, weights, arena, &s->tokens, err));
    fold_perceptron(p, sty_weight(list, weights, "v"), sty_weight(list, weights, "g"),
                    sty_weight(list, weights, "b"), s);
    *state = s;
    return STY_OK;
}

/* Behind that of the part: one row of weights, the perceptron's inner values. */
static size_t scratch(const void *params_, const sty_shape *in, const sty_shape *out) {
    const sty_token_params *p = params_;
    (void)out;
    return sty_token_floats(p, sty_shape_steps(in)) + (size_t)p->tokens * (1 + head_width(p));
}

/* Scores of one head's query q against all tokens. */
static void score(const sty_token_params *p, const additive_state *s, const float *q, size_t head, float *row,
                  float *inner) {
    const size_t k = (size_t)p->tokens, u = (size_t)p->units, w = head_width(p);
    const float *keys = s->tokens.keys + head * w;
    for (size_t t = 0; t < k; t++)
        for (size_t j = 0; j < w; j++)
            inner[t * w + j] = keys[t * u + j] + q[j];
    sty_activate(STY_ACT_TANH, 0, inner, k * w);
    sty_linear_once(k, 1, w, inner, s->n, NULL, row);
}

static void run(const sty_layer_call *call) {
    const sty_token_params *p = call->params;
    const additive_state *s = call->state;
    const size_t n = sty_shape_steps(&call->in[0].shape), k = (size_t)p->tokens, heads = (size_t)p->heads;
    const size_t w = head_width(p), width = sty_token_value_width(p) * heads;
    const float *queries = sty_token_queries(&s->tokens, n, call->in[0].data, call->scratch);
    float *mixed = sty_token_heads(p, n, call->scratch, call->out[0].data);
    float *own = call->scratch + sty_token_floats(p, n), *inner = own + k;
    for (size_t i = 0; i < n; i++)
        for (size_t h = 0; h < heads; h++) {
            float *row = call->out[1].data ? call->out[1].data + (h * n + i) * k : own;
            score(p, s, queries + i * (size_t)p->units + h * w, h, row, inner);
            if (p->softmax_axis == STY_OVER_TOKENS) sty_softmax(row, 1, k);
            for (size_t t = 0; p->softmax_axis == STY_OVER_BATCH && t < k; t++)
                row[t] = 1.0f;
            sty_token_gather(p, &s->tokens, h, row, mixed + i * width);
        }
    sty_token_finish(&s->tokens, n, mixed, call->out[0].data);
}

static const char *const inputs[] = {"query", NULL};

const sty_layer_type sty_layer_additive_attention = {
    .name = "additive_attention",
    .summary = "perceptron attention of a query over learned style tokens",
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
