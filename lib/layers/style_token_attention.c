/* style_token_attention.c - layer `style_token_attention`: attention of a query
 * over K learned tokens, the style token layer of Wang et al. 2018
 * (arXiv 1803.09017) as KinglittleQ/GST-Tacotron and its descendants write it.
 *
 *   a = f(tokens); q = Wq x (+ b); k = Wk a (+ b); v = Wv a (+ b)
 *   per head h: w = softmax(q_h k_h^T / sqrt(scale)); y_h = w v_h
 *   y = [y_0 ... y_H-1], then Wo y + b where there is an output projection
 *
 * Keys and values depend on the weights only, so they are computed when the
 * model is bound. softmax_axis batch reproduces the DelightfulTTS line, whose
 * softmax runs over the clips of a batch: with one clip every weight is 1. */
#include "layers/layers.h"
#include "layers/linear_part.h"
#include "math/activation.h"

#include <math.h>
#include <string.h>

typedef struct {
    int tokens, token_width, units, heads, out;
    int token_activation, scale, softmax_axis;
    bool query_projection, key_projection, value_projection;
    bool query_bias, key_bias, value_bias, out_bias;
} token_params;

typedef struct {
    sty_linear query;   /* without weights: the input is the query */
    sty_linear *keys;   /* of each head: [K, U / H] */
    sty_linear *values; /* of each head: [V, K] */
    sty_linear out;     /* [out, H V]; without weights: there is none */
    float scale;
} token_state;

enum { SCALE_TOKEN, SCALE_HEAD, SCALE_UNITS, SCALE_NONE };
enum { TOKENS, BATCH };
static const char *const token_activations[] = {"none", "tanh", NULL};
static const char *const scales[] = {"token_width", "head_width", "units", "none", NULL};
static const char *const axes[] = {"tokens", "batch", NULL};

#define AT(field) offsetof(token_params, field)
#define FLAG(field, value, text)                                                                   \
    {.name = #field, .kind = STY_PARAM_BOOL, .offset = AT(field), .initial = value, .help = text}

static const sty_param params[] = {
    {.name = "tokens", .kind = STY_PARAM_INT, .offset = AT(tokens), .low = 1, .high = 65536,
     .help = "number of tokens K"},
    {.name = "token_width", .kind = STY_PARAM_INT, .offset = AT(token_width), .low = 1,
     .high = 65536, .help = "width of a token"},
    {.name = "units", .kind = STY_PARAM_INT, .offset = AT(units), .low = 1, .high = 65536,
     .help = "width of query, key and value, all heads together"},
    {.name = "heads", .kind = STY_PARAM_INT, .offset = AT(heads), .initial = "1", .low = 1,
     .high = 1024, .help = "contiguous slices of the units"},
    {.name = "token_activation", .kind = STY_PARAM_CHOICE, .offset = AT(token_activation),
     .initial = "tanh", .choices = token_activations, .help = "function of the tokens"},
    FLAG(query_projection, "true", "queries are projected"),
    FLAG(key_projection, "true", "tokens are projected to keys"),
    FLAG(value_projection, "true", "tokens are projected to values"),
    FLAG(query_bias, "false", "bias of the query projection"),
    FLAG(key_bias, "false", "bias of the key projection"),
    FLAG(value_bias, "false", "bias of the value projection"),
    {.name = "out", .kind = STY_PARAM_INT, .offset = AT(out), .initial = "0", .low = 0,
     .high = 65536, .help = "width of the output projection, 0 = none"},
    FLAG(out_bias, "true", "bias of the output projection"),
    {.name = "scale", .kind = STY_PARAM_CHOICE, .offset = AT(scale), .initial = "token_width",
     .choices = scales, .help = "scores are divided by its square root"},
    {.name = "softmax_axis", .kind = STY_PARAM_CHOICE, .offset = AT(softmax_axis),
     .initial = "tokens", .choices = axes, .help = "batch: the published bug, every weight is 1"},
};

/* Width of the values of all heads; without a projection every head takes a
 * whole token (TensorFlow ports), unless tokens are as wide as the units. */
static size_t values_width(const token_params *p) {
    const size_t units = (size_t)p->units, token = (size_t)p->token_width;
    if (p->value_projection || token == units) return units;
    return token * (size_t)p->heads;
}

static sty_status shape(const void *params_, const sty_shape *in, size_t n_in, sty_shape *out,
                        sty_err *err) {
    const token_params *p = params_;
    const size_t width = p->out ? (size_t)p->out : values_width(p);
    const bool sequence = in->kind == STY_SEQUENCE;
    (void)n_in;
    STY_TRY(sty_layer_expect(in, 1u << STY_VECTOR | 1u << STY_SEQUENCE, "a vector or a sequence", err));
    if (p->units % p->heads != 0)
        return sty_err_set(err, STY_BAD_MODEL, "%d heads do not divide %d units", p->heads, p->units);
    if (!p->query_projection && sty_shape_width(in) != (size_t)p->units)
        return sty_err_set(err, STY_BAD_MODEL, "without query_projection the input must be %d wide, it is %zu",
                           p->units, sty_shape_width(in));
    if (!p->key_projection && p->token_width != p->units)
        return sty_err_set(err, STY_BAD_MODEL, "without key_projection token_width must be %d, it is %d",
                           p->units, p->token_width);
    out[0] = sequence ? sty_shape_sequence(in->dim[0], width) : sty_shape_vector(width);
    out[1] = sty_shape_heads((size_t)p->heads, sequence ? in->dim[0] : 0, (size_t)p->tokens);
    return STY_OK;
}

static void projection_slots(sty_slots *list, const char *name, bool present, bool bias, size_t rows,
                             size_t columns) {
    if (!present) return;
    STY_SLOT2(list, rows, columns, "%s.weight", name);
    if (bias) STY_SLOT1(list, rows, "%s.bias", name);
}

static void slots(const void *params_, const sty_shape *in, sty_slots *list) {
    const token_params *p = params_;
    const size_t u = (size_t)p->units, d = (size_t)p->token_width;
    STY_SLOT2(list, (size_t)p->tokens, d, "tokens");
    projection_slots(list, "query", p->query_projection, p->query_bias, u, sty_shape_width(in));
    projection_slots(list, "key", p->key_projection, p->key_bias, u, d);
    projection_slots(list, "value", p->value_projection, p->value_bias, u, d);
    projection_slots(list, "out", p->out > 0, p->out_bias, (size_t)p->out, values_width(p));
}

/* Each head's keys, and its values turned, as linear layers of K rows and of K columns. */
static sty_status pack_heads(const token_params *p, const float *keys, const float *values, sty_arena *arena,
                             token_state *s, sty_err *err) {
    const size_t k = (size_t)p->tokens, u = (size_t)p->units, heads = (size_t)p->heads, head = u / heads;
    const bool whole_tokens = !p->value_projection && p->token_width != p->units;
    const size_t width = whole_tokens ? (size_t)p->token_width : head, step = whole_tokens ? 0 : head;
    STY_TRY(sty_layer_alloc(arena, heads, sizeof *s->keys, &s->keys, err));
    STY_TRY(sty_layer_alloc(arena, heads, sizeof *s->values, &s->values, err));
    for (size_t h = 0; h < heads; h++) {
        float *packed;
        STY_TRY(sty_linear_bind(k, head, keys + h * head, u, NULL, arena, &s->keys[h], err));
        STY_TRY(sty_layer_alloc(arena, sty_linear_packed(width, k), sizeof *packed, &packed, err));
        sty_linear_pack_turned(width, k, values + h * step, whole_tokens ? width : u, packed);
        s->values[h] = (sty_linear){width, k, packed, NULL};
    }
    return STY_OK;
}

/* to [K, U] = the projected tokens, or the tokens themselves. */
static const float *project_tokens(const token_params *p, bool projected, const char *name, const float *active,
                                   const sty_slots *list, const float *const *weights, float *to) {
    if (!projected) return active;
    sty_linear_once((size_t)p->tokens, (size_t)p->units, (size_t)p->token_width, active,
                    sty_weight(list, weights, "%s.weight", name), sty_weight(list, weights, "%s.bias", name), to);
    return to;
}

static sty_status prepare(const void *params_, const sty_shape *in, const sty_slots *list,
                          const float *const *weights, sty_arena *arena, const void **state,
                          sty_err *err) {
    const token_params *p = params_;
    const size_t k = (size_t)p->tokens, d = (size_t)p->token_width, u = (size_t)p->units;
    const double divisors[] = {(double)d, (double)u / p->heads, (double)u, 1.0};
    token_state *s;
    float *active, *keys, *values;
    STY_TRY(sty_layer_alloc(arena, 1, sizeof *s, &s, err));
    STY_TRY(sty_layer_alloc(arena, k * d, sizeof *active, &active, err));
    STY_TRY(sty_layer_alloc(arena, k * u, sizeof *keys, &keys, err));
    STY_TRY(sty_layer_alloc(arena, k * u, sizeof *values, &values, err));
    memcpy(active, sty_weight(list, weights, "tokens"), k * d * sizeof *active);
    if (p->token_activation == 1) sty_activate(STY_ACT_TANH, 0, active, k * d);
    STY_TRY(pack_heads(p, project_tokens(p, p->key_projection, "key", active, list, weights, keys),
                       project_tokens(p, p->value_projection, "value", active, list, weights, values), arena, s,
                       err));
    STY_TRY(sty_linear_bind_named(u, sty_shape_width(in), list, weights, "", "query", arena, &s->query, err));
    STY_TRY(sty_linear_bind_named((size_t)p->out, values_width(p), list, weights, "", "out", arena, &s->out, err));
    s->scale = (float)(1.0 / sqrt(divisors[p->scale]));
    *state = s;
    return STY_OK;
}

/* Projected queries, one head's weights, and the heads before projection. */
static size_t scratch(const void *params_, const sty_shape *in, const sty_shape *out) {
    const token_params *p = params_;
    (void)out;
    return sty_shape_steps(in) * ((size_t)p->units + (size_t)p->tokens + values_width(p));
}

static double work(const void *params_, const sty_shape *in, const sty_shape *out) {
    const token_params *p = params_;
    (void)out;
    const double u = p->units, v = (double)values_width(p);
    return (double)sty_shape_steps(in) *
           (u * (double)sty_shape_width(in) + p->tokens * (u + v) + p->out * v);
}

/* One head's values under its weights [n, K]: gathered [n, all values]. */
static void gather(const token_params *p, const token_state *s, size_t h, const float *weights,
                   size_t n, float *gathered) {
    sty_linear_apply(&s->values[h], &(sty_linear_call){.n = n,
                                                       .x_ld = (size_t)p->tokens,
                                                       .y_ld = values_width(p),
                                                       .x = weights,
                                                       .y = gathered + h * s->values[h].rows});
}

/* weights [n, K] of one head's queries */
static void weigh(const token_params *p, const token_state *s, size_t h, const float *query, size_t n,
                  float *weights) {
    const size_t k = (size_t)p->tokens, u = (size_t)p->units;
    if (p->softmax_axis == TOKENS)
        sty_linear_apply(&s->keys[h], &(sty_linear_call){.n = n,
                                                         .x_ld = u,
                                                         .y_ld = k,
                                                         .x = query + h * s->keys[h].columns,
                                                         .y = weights});
    for (size_t i = 0; i < n * k; i++)
        weights[i] = p->softmax_axis == BATCH ? 1.0f : weights[i] * s->scale;
    if (p->softmax_axis == TOKENS) sty_softmax(weights, n, k);
}

static void run(const sty_layer_call *call) {
    const token_params *p = call->params;
    const token_state *s = call->state;
    const size_t n = sty_shape_steps(&call->in[0].shape), k = (size_t)p->tokens;
    float *projected = call->scratch, *own = projected + n * (size_t)p->units, *mixed = own + n * k;
    const float *query = call->in[0].data;
    if (s->query.packed) {
        sty_linear_run(&s->query, n, query, projected);
        query = projected;
    }
    float *gathered = s->out.packed ? mixed : call->out[0].data;
    for (size_t h = 0; h < (size_t)p->heads; h++) {
        float *weights = call->out[1].data ? call->out[1].data + h * n * k : own;
        weigh(p, s, h, query, n, weights);
        gather(p, s, h, weights, n, gathered);
    }
    if (s->out.packed) sty_linear_run(&s->out, n, mixed, call->out[0].data);
}

static void mix(const void *params_, const void *state, const float *weights, float *scratch,
                float *out) {
    const token_params *p = params_;
    const token_state *s = state;
    float *gathered = s->out.packed ? scratch : out;
    for (size_t h = 0; h < (size_t)p->heads; h++)
        gather(p, s, h, weights + h * (size_t)p->tokens, 1, gathered);
    if (s->out.packed) sty_linear_run(&s->out, 1, gathered, out);
}

static const char *const inputs[] = {"query", NULL};

const sty_layer_type sty_layer_style_token_attention = {
    .name = "style_token_attention",
    .summary = "attention of a query over learned style tokens",
    .params = params,
    .n_params = STY_COUNT(params),
    .params_size = sizeof(token_params),
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
