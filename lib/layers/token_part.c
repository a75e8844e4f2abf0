/* token_part.c - what does not depend on how tokens are scored.
 *
 * Without a projection of values every head takes the whole token, as the TensorFlow
 * ports do: there is then one copy of them, whatever the number of heads. */
#include "layers/token_part.h"

#include "math/activation.h"

#include <string.h>

const char *const sty_token_activations[] = {"none", "tanh", NULL};
const char *const sty_token_axes[] = {"tokens", "batch", NULL};

size_t sty_token_value_width(const sty_token_params *p) {
    return p->value_projection ? (size_t)p->units / (size_t)p->heads : (size_t)p->token_width;
}

size_t sty_token_value_step(const sty_token_params *p) {
    return p->value_projection ? sty_token_value_width(p) : 0;
}

size_t sty_token_value_ld(const sty_token_params *p) {
    return (size_t)(p->value_projection ? p->units : p->token_width);
}

/* Width of the values of all heads. */
static size_t values_width(const sty_token_params *p) { return sty_token_value_width(p) * (size_t)p->heads; }

sty_status sty_token_shape(const void *params, const sty_shape *in, size_t n_in, sty_shape *out, sty_err *err) {
    const sty_token_params *p = params;
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

void sty_token_slots(const sty_token_params *p, const sty_shape *in, sty_slots *list) {
    const size_t u = (size_t)p->units, d = (size_t)p->token_width;
    STY_SLOT2(list, (size_t)p->tokens, d, "tokens");
    sty_linear_slots(list, "", "query", p->query_projection, p->query_bias, u, sty_shape_width(in));
    sty_linear_slots(list, "", "key", p->key_projection, p->key_bias, u, d);
    sty_linear_slots(list, "", "value", p->value_projection, p->value_bias, u, d);
    sty_linear_slots(list, "", "out", p->out > 0, p->out_bias, (size_t)p->out, values_width(p));
}

/* to [K, U] = the active tokens projected. */
static void project(const sty_token_params *p, const char *name, const float *active, const sty_slots *list,
                    const float *const *weights, float *to) {
    sty_linear_once((size_t)p->tokens, (size_t)p->units, (size_t)p->token_width, active,
                    sty_weight(list, weights, "%s.weight", name), sty_weight(list, weights, "%s.bias", name), to);
}

sty_status sty_token_prepare(const sty_token_params *p, const sty_shape *in, const sty_slots *list,
                             const float *const *weights, sty_arena *arena, sty_token_state *s, sty_err *err) {
    const size_t k = (size_t)p->tokens, d = (size_t)p->token_width, u = (size_t)p->units;
    float *active, *values;
    STY_TRY(sty_layer_alloc(arena, k * d, sizeof *active, &active, err));
    STY_TRY(sty_layer_alloc(arena, k * u, sizeof *s->keys, &s->keys, err));
    memcpy(active, sty_weight(list, weights, "tokens"), k * d * sizeof *active);
    if (p->token_activation == 1) sty_activate(STY_ACT_TANH, 0, active, k * d);
    if (p->key_projection) project(p, "key", active, list, weights, s->keys);
    else memcpy(s->keys, active, k * u * sizeof *active);
    s->values = active;
    if (p->value_projection) {
        STY_TRY(sty_layer_alloc(arena, k * u, sizeof *values, &values, err));
        project(p, "value", active, list, weights, values);
        s->values = values;
    }
    STY_TRY(sty_linear_bind_named(u, sty_shape_width(in), list, weights, "", "query", arena, &s->query, err));
    return sty_linear_bind_named((size_t)p->out, values_width(p), list, weights, "", "out", arena, &s->out, err);
}

double sty_token_work(const void *params, const sty_shape *in, const sty_shape *out) {
    const sty_token_params *p = params;
    const double u = p->units, v = (double)values_width(p);
    (void)out;
    return (double)sty_shape_steps(in) *
           ((p->query_projection ? u * (double)sty_shape_width(in) : 0) + p->tokens * (u + v) + p->out * v);
}

static size_t query_floats(const sty_token_params *p, size_t n) {
    return p->query_projection ? sty_whole_lines(n * (size_t)p->units) : 0;
}

size_t sty_token_floats(const sty_token_params *p, size_t n) {
    return query_floats(p, n) + (p->out ? sty_whole_lines(n * values_width(p)) : 0);
}

const float *sty_token_queries(const sty_token_state *s, size_t n, const float *x, float *scratch) {
    if (!s->query.packed) return x;
    sty_linear_run(&s->query, n, x, scratch);
    return scratch;
}

float *sty_token_heads(const sty_token_params *p, size_t n, float *scratch, float *out) {
    return p->out ? scratch + query_floats(p, n) : out;
}

void sty_token_finish(const sty_token_state *s, size_t n, const float *heads, float *out) {
    if (s->out.packed) sty_linear_run(&s->out, n, heads, out);
}

void sty_token_gather(const sty_token_params *p, const sty_token_state *s, size_t head, const float *weights,
                      float *heads) {
    const size_t width = sty_token_value_width(p), ld = sty_token_value_ld(p);
    const float *values = s->values + head * sty_token_value_step(p);
    float *y = heads + head * width;
    memset(y, 0, width * sizeof *y);
    for (size_t t = 0; t < (size_t)p->tokens; t++)
        for (size_t j = 0; j < width; j++)
            y[j] += weights[t] * values[t * ld + j];
}

void sty_token_mix(const void *params, const void *state, const float *weights, float *scratch, float *out) {
    const sty_token_params *p = params;
    float *heads = p->out ? scratch : out;
    for (size_t h = 0; h < (size_t)p->heads; h++)
        sty_token_gather(p, state, h, weights + h * (size_t)p->tokens, heads);
    sty_token_finish(state, 1, heads, out);
}
