/* additive_attention.c - layer `additive_attention`: attention over learned tokens
 * with the scores of a perceptron, as the TensorFlow ports of GST have it
 * (syang1993/gst-tacotron, acetylSv/GST-tacotron; Bahdanau et al. 2015, with the
 * normalisation of Salimans and Kingma 2016).
 *
 *   a = f(tokens); q = Wq x + b; k = Wk a + b
 *   per head: score_t = sum_j n_j tanh(k_tj + q_j + b_j), n = g v / |v|; y_h = softmax(score) a
 *
 * Values are the whole tokens for every head. Keys with b added, n and values depend
 * on the weights only and are made when the model is bound. */
#include "layers/layers.h"
#include "layers/linear_part.h"
#include "math/activation.h"

#include <math.h>
#include <string.h>

typedef struct {
    int tokens, token_width, units, heads, token_activation, score, softmax_axis;
    bool normalize, query_bias, key_bias, value_projection, value_bias;
} additive_params;

typedef struct {
    sty_linear query;
    const float *keys;    /* [K, U], b added */
    const float *values;  /* [K, V] */
    const float *weights; /* n [U / H], NULL for dot */
} additive_state;

enum { ADDITIVE, DOT };
enum { TOKENS, BATCH };
static const char *const token_activations[] = {"none", "tanh", NULL};
static const char *const scores[] = {"additive", "dot", NULL};
static const char *const axes[] = {"tokens", "batch", NULL};

#define AT(field) offsetof(additive_params, field)
#define FLAG(field, value, text)                                                                   \
    {.name = #field, .kind = STY_PARAM_BOOL, .offset = AT(field), .initial = value, .help = text}
#define SIZE(field, most, text)                                                                    \
    {.name = #field, .kind = STY_PARAM_INT, .offset = AT(field), .low = 1, .high = most, .help = text}

static const sty_param params[] = {
    SIZE(tokens, 65536, "number of tokens K"),
    SIZE(token_width, 65536, "width of a token"),
    SIZE(units, 65536, "width of query and key, all heads together"),
    {.name = "heads", .kind = STY_PARAM_INT, .offset = AT(heads), .initial = "1", .low = 1,
     .high = 1024, .help = "contiguous slices of the units"},
    {.name = "token_activation", .kind = STY_PARAM_CHOICE, .offset = AT(token_activation),
     .initial = "tanh", .choices = token_activations, .help = "function of the tokens"},
    {.name = "score", .kind = STY_PARAM_CHOICE, .offset = AT(score), .initial = "additive",
     .choices = scores, .help = "perceptron, or scaled dot product"},
    FLAG(normalize, "true", "v is normalised and g and b exist"),
    FLAG(query_bias, "true", "bias of the query projection"),
    FLAG(key_bias, "true", "bias of the key projection"),
    FLAG(value_projection, "false", "tokens are projected to values"),
    FLAG(value_bias, "false", "bias of the value projection"),
    {.name = "softmax_axis", .kind = STY_PARAM_CHOICE, .offset = AT(softmax_axis),
     .initial = "tokens", .choices = axes, .help = "batch: every weight is 1"},
};

static size_t values_width(const additive_params *p) {
    return (size_t)(p->value_projection ? p->units : p->heads * p->token_width);
}

static sty_status shape(const void *params_, const sty_shape *in, size_t n_in, sty_shape *out,
                        sty_err *err) {
    const additive_params *p = params_;
    const bool sequence = in->kind == STY_SEQUENCE;
    (void)n_in;
    STY_TRY(sty_layer_expect(in, 1u << STY_VECTOR | 1u << STY_SEQUENCE, "a vector or a sequence", err));
    if (p->units % p->heads != 0)
        return sty_err_set(err, STY_BAD_MODEL, "%d heads do not divide %d units", p->heads, p->units);
    out[0] = sequence ? sty_shape_sequence(in->dim[0], values_width(p)) : sty_shape_vector(values_width(p));
    out[1] = sty_shape_heads((size_t)p->heads, sequence ? in->dim[0] : 0, (size_t)p->tokens);
    return STY_OK;
}

static void slots(const void *params_, const sty_shape *in, sty_slots *list) {
    const additive_params *p = params_;
    const size_t u = (size_t)p->units, d = (size_t)p->token_width, head = u / (size_t)p->heads;
    STY_SLOT2(list, (size_t)p->tokens, d, "tokens");
    STY_SLOT2(list, u, sty_shape_width(in), "query.weight");
    if (p->query_bias) STY_SLOT1(list, u, "query.bias");
    STY_SLOT2(list, u, d, "key.weight");
    if (p->key_bias) STY_SLOT1(list, u, "key.bias");
    if (p->value_projection) STY_SLOT2(list, u, d, "value.weight");
    if (p->value_projection && p->value_bias) STY_SLOT1(list, u, "value.bias");
    if (p->score == DOT) return;
    STY_SLOT1(list, head, "v");
    if (p->normalize) {
        STY_SLOT1(list, 1, "g");
        STY_SLOT1(list, head, "b");
    }
}

/* n = g v / |v| and keys += b. */
static void fold_perceptron(const additive_params *p, const float *v, const float *g, const float *b,
                            float *n, float *keys) {
    const size_t u = (size_t)p->units, head = u / (size_t)p->heads;
    double squares = 0;
    for (size_t j = 0; j < head; j++)
        squares += (double)v[j] * (double)v[j];
    for (size_t j = 0; j < head; j++)
        n[j] = g ? (float)((double)*g * (double)v[j] / sqrt(squares)) : v[j];
    for (size_t i = 0; b && i < (size_t)p->tokens * u; i++)
        keys[i] += b[i % u % head];
}

static sty_status prepare(const void *params_, const sty_shape *in, const sty_slots *list,
                          const float *const *weights, sty_arena *arena, const void **state,
                          sty_err *err) {
    const additive_params *p = params_;
    const size_t k = (size_t)p->tokens, d = (size_t)p->token_width, u = (size_t)p->units;
    additive_state *s;
    float *active, *keys, *values, *n;
    STY_TRY(sty_layer_alloc(arena, 1, sizeof *s, &s, err));
    STY_TRY(sty_layer_alloc(arena, k * d, sizeof *active, &active, err));
    STY_TRY(sty_layer_alloc(arena, k * u, sizeof *keys, &keys, err));
    STY_TRY(sty_layer_alloc(arena, u, sizeof *n, &n, err));
    memcpy(active, sty_weight(list, weights, "tokens"), k * d * sizeof *active);
    if (p->token_activation == 1) sty_activate(STY_ACT_TANH, 0, active, k * d);
    sty_linear_once(k, u, d, active, sty_weight(list, weights, "key.weight"),
                    sty_weight(list, weights, "key.bias"), keys);
    s->values = active;
    if (p->value_projection) {
        STY_TRY(sty_layer_alloc(arena, k * u, sizeof *values, &values, err));
        sty_linear_once(k, u, d, active, sty_weight(list, weights, "value.weight"),
                        sty_weight(list, weights, "value.bias"), values);
        s->values = values;
    }
    if (p->score == ADDITIVE) {
        fold_perceptron(p, sty_weight(list, weights, "v"), sty_weight(list, weights, "g"),
                        sty_weight(list, weights, "b"), n, keys);
        s->weights = n;
    }
    s->keys = keys;
    *state = s;
    return sty_linear_bind_named(u, sty_shape_width(in), list, weights, "", "query", arena, &s->query, err);
}

/* Projected queries, one row of weights, the perceptron's inner values. */
static size_t scratch(const void *params_, const sty_shape *in, const sty_shape *out) {
    const additive_params *p = params_;
    (void)out;
    return sty_shape_steps(in) * (size_t)p->units + (size_t)p->tokens * (size_t)(1 + p->units / p->heads);
}

static double work(const void *params_, const sty_shape *in, const sty_shape *out) {
    const additive_params *p = params_;
    (void)out;
    return (double)sty_shape_steps(in) * ((double)p->units * (double)sty_shape_width(in) +
                                          p->tokens * ((double)p->units + (double)values_width(p)));
}

/* Scores of one query slice q against all tokens. */
static void score(const additive_params *p, const additive_state *s, const float *q, size_t head,
                  float *row, float *inner) {
    const size_t k = (size_t)p->tokens, u = (size_t)p->units, w = u / (size_t)p->heads;
    const float *keys = s->keys + head * w;
    if (p->score == DOT) {
        for (size_t t = 0; t < k; t++) {
            float sum = 0;
            for (size_t j = 0; j < w; j++)
                sum += keys[t * u + j] * q[j];
            row[t] = sum * (float)(1.0 / sqrt((double)w));
        }
        return;
    }
    for (size_t t = 0; t < k; t++)
        for (size_t j = 0; j < w; j++)
            inner[t * w + j] = keys[t * u + j] + q[j];
    sty_activate(STY_ACT_TANH, 0, inner, k * w);
    sty_linear_once(k, 1, w, inner, s->weights, NULL, row);
}

/* out, one head's slice, from its weights row [K]. */
static void gather(const additive_params *p, const additive_state *s, size_t h, const float *row, float *out) {
    const size_t width = values_width(p) / (size_t)p->heads, k = (size_t)p->tokens;
    const size_t ld = (size_t)(p->value_projection ? p->units : p->token_width);
    const float *values = s->values + (p->value_projection ? h * width : 0);
    out += h * width;
    memset(out, 0, width * sizeof *out);
    for (size_t t = 0; t < k; t++)
        for (size_t j = 0; j < width; j++)
            out[j] += row[t] * values[t * ld + j];
}

static void run(const sty_layer_call *call) {
    const additive_params *p = call->params;
    const additive_state *s = call->state;
    const size_t n = sty_shape_steps(&call->in[0].shape), k = (size_t)p->tokens, u = (size_t)p->units;
    const size_t heads = (size_t)p->heads, w = u / heads;
    float *query = call->scratch, *own = query + n * u, *inner = own + k;
    sty_linear_run(&s->query, n, call->in[0].data, query);
    for (size_t i = 0; i < n; i++)
        for (size_t h = 0; h < heads; h++) {
            float *row = call->out[1].data ? call->out[1].data + (h * n + i) * k : own;
            score(p, s, query + i * u + h * w, h, row, inner);
            if (p->softmax_axis == TOKENS) sty_softmax(row, 1, k);
            for (size_t t = 0; p->softmax_axis == BATCH && t < k; t++)
                row[t] = 1.0f;
            gather(p, s, h, row, call->out[0].data + i * values_width(p));
        }
}

static void mix(const void *params_, const void *state, const float *weights, float *scratch,
                float *out) {
    const additive_params *p = params_;
    (void)scratch;
    for (size_t h = 0; h < (size_t)p->heads; h++)
        gather(p, state, h, weights + h * (size_t)p->tokens, out);
}

static const char *const inputs[] = {"query", NULL};

const sty_layer_type sty_layer_additive_attention = {
    .name = "additive_attention",
    .summary = "perceptron attention of a query over learned style tokens",
    .params = params,
    .n_params = STY_COUNT(params),
    .params_size = sizeof(additive_params),
    .inputs = inputs,
    .n_required = 1,
    .extra = "attention",
    .shape = shape,
    .slots = slots,
    .prepare = prepare,
    .scratch = scratch,
    .work = work,
    .run = run,
    .mix = mix,
};
