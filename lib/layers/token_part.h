/* token_part.h - a query and K learned tokens, for the layers that attend over tokens of
 * their own: style_token_attention and additive_attention. They differ in the scores. Floor 2.
 *
 *   a = f(tokens) [K, E]; q = Wq x (+ b) [n, U]; k = Wk a (+ b) [K, U]; v = Wv a (+ b) [K, U]
 *   y_h = w_h v_h with the weights w_h [n, K] of head h, a contiguous slice of U / H;
 *   y = [y_0 ... y_H-1], then Wo y + b where there is an output projection
 *
 * Keys and values depend on the weights only: they are made when the model is bound. */
#ifndef STY_LAYERS_TOKEN_PART_H
#define STY_LAYERS_TOKEN_PART_H

#include "layers/linear_part.h"

/* scale is of style_token_attention, normalize of additive_attention. */
typedef struct sty_token_params {
    int tokens, token_width, units, heads, out; /* out 0: no output projection */
    int token_activation, softmax_axis, scale;
    bool query_projection, key_projection, value_projection;
    bool query_bias, key_bias, value_bias, out_bias, normalize;
} sty_token_params;

enum { STY_OVER_TOKENS, STY_OVER_BATCH }; /* softmax_axis */
extern const char *const sty_token_activations[];
extern const char *const sty_token_axes[];

/* Rows of both parameter tables; biases and value projections are published either way. */
#define STY_TOKEN_AT(field) offsetof(sty_token_params, field)
#define STY_TOKEN_FLAG(field, value, text)                                                         \
    {.name = #field, .kind = STY_PARAM_BOOL, .offset = STY_TOKEN_AT(field), .initial = value, .help = text}
#define STY_TOKEN_ROWS(bias_initial, value_initial)                                                \
    {.name = "tokens", .kind = STY_PARAM_INT, .offset = STY_TOKEN_AT(tokens), .low = 1,            \
     .high = 65536, .help = "number of tokens K"},                                                 \
        {.name = "token_width", .kind = STY_PARAM_INT, .offset = STY_TOKEN_AT(token_width),        \
         .low = 1, .high = 65536, .help = "width of a token"},                                     \
        {.name = "units", .kind = STY_PARAM_INT, .offset = STY_TOKEN_AT(units), .low = 1,          \
         .high = 65536, .help = "width of query, key and projected values, all heads together"},   \
        {.name = "heads", .kind = STY_PARAM_INT, .offset = STY_TOKEN_AT(heads), .initial = "1",    \
         .low = 1, .high = 1024, .help = "contiguous slices of the units"},                        \
        {.name = "token_activation", .kind = STY_PARAM_CHOICE,                                     \
         .offset = STY_TOKEN_AT(token_activation), .initial = "tanh",                              \
         .choices = sty_token_activations, .help = "function of the tokens"},                      \
        STY_TOKEN_FLAG(query_projection, "true", "queries are projected"),                         \
        STY_TOKEN_FLAG(key_projection, "true", "tokens are projected to keys"),                    \
        STY_TOKEN_FLAG(value_projection, value_initial, "tokens are projected to values"),         \
        STY_TOKEN_FLAG(query_bias, bias_initial, "bias of the query projection"),                  \
        STY_TOKEN_FLAG(key_bias, bias_initial, "bias of the key projection"),                      \
        STY_TOKEN_FLAG(value_bias, "false", "bias of the value projection"),                       \
        {.name = "out", .kind = STY_PARAM_INT, .offset = STY_TOKEN_AT(out), .initial = "0",        \
         .low = 0, .high = 65536, .help = "width of the output projection, 0 = none"},             \
        STY_TOKEN_FLAG(out_bias, "true", "bias of the output projection"),                         \
        {.name = "softmax_axis", .kind = STY_PARAM_CHOICE, .offset = STY_TOKEN_AT(softmax_axis),   \
         .initial = "tokens", .choices = sty_token_axes,                                           \
         .help = "batch: the published bug, every weight is 1"}

typedef struct sty_token_state {
    sty_linear query, out; /* without weights: there is none */
    float *keys;           /* [K, U], a copy of its own: its owner may fold into it */
    const float *values;   /* [K, U], or the active tokens [K, E], whole for every head */
} sty_token_state;

/* Width of the values of one head, and floats from one head's values to the next one's. */
size_t sty_token_value_width(const sty_token_params *p);
size_t sty_token_value_step(const sty_token_params *p);
size_t sty_token_value_ld(const sty_token_params *p); /* from token to token */

/* The calls of a layer type with one input, a vector or a sequence. out[1]: the weights
 * [H, K] or [H, n, K]. */
sty_status sty_token_shape(const void *params, const sty_shape *in, size_t n_in, sty_shape *out, sty_err *err);
void sty_token_slots(const sty_token_params *p, const sty_shape *in, sty_slots *list);
sty_status sty_token_prepare(const sty_token_params *p, const sty_shape *in, const sty_slots *list,
                             const float *const *weights, sty_arena *arena, sty_token_state *state, sty_err *err);
double sty_token_work(const void *params, const sty_shape *in, const sty_shape *out);

/* What both keep in the scratch for n queries: projected queries, and the heads before their
 * projection. Behind these sty_token_floats floats it is the layer's own. */
size_t sty_token_floats(const sty_token_params *p, size_t n);

/* [n, U]: the queries, in the scratch when they are projected, else x itself. */
const float *sty_token_queries(const sty_token_state *s, size_t n, const float *x, float *scratch);

/* Where the heads [n, H value widths] go: the scratch or out; then out from them. */
float *sty_token_heads(const sty_token_params *p, size_t n, float *scratch, float *out);
void sty_token_finish(const sty_token_state *s, size_t n, const float *heads, float *out);

/* One head of one query: its place in heads becomes its values under the weights [K]. */
void sty_token_gather(const sty_token_params *p, const sty_token_state *s, size_t head, const float *weights,
                      float *heads);

/* mix of a layer type; its state begins with a sty_token_state. */
void sty_token_mix(const void *params, const void *state, const float *weights, float *scratch, float *out);

#endif
