/* attention_part.h - projections, positions, mask and attention as one part, for
 * multi_head_attention, relative_multi_head_attention, the conformer's
 * attention and the conformer block. Floor 2. */
#ifndef STY_LAYERS_ATTENTION_PART_H
#define STY_LAYERS_ATTENTION_PART_H

#include "layers/linear_part.h"

enum { STY_POSITIONS_SINUSOID, STY_POSITIONS_TABLE, STY_POSITIONS_NONE };
enum { STY_SCALE_HEAD, STY_SCALE_UNITS, STY_SCALE_KEY, STY_SCALE_ONE };

extern const char *const sty_attention_scales[];
extern const char *const sty_mask_meanings[];
extern const char *const sty_mask_fills[];
extern const char *const sty_softmax_axes[];
extern const char *const sty_position_precisions[];

/* All axes; types without a row for one set it themselves. */
typedef struct sty_attention_params {
    int units, heads, out; /* out 0: no output projection */
    int scale, mask_meaning, mask_fill, softmax_axis;
    int positions, position_precision, table_rows, shift;
    bool query_projection, key_projection, value_projection, position_projection;
    bool query_bias, key_bias, value_bias, position_bias, out_bias;
    bool u_bias, v_bias, table_bias;
    double position_base;
} sty_attention_params;

/* Rows of parameter tables for a sty_attention_params at offset `at`. */
#define STY_ATTENTION_AT(at, field) ((at) + offsetof(sty_attention_params, field))
#define STY_ATTENTION_FLAG(at, field, value, text)                                                 \
    {.name = #field, .kind = STY_PARAM_BOOL, .offset = STY_ATTENTION_AT(at, field),                \
     .initial = value, .help = text}
#define STY_ATTENTION_HEADS_ROW(at)                                                                \
    {.name = "heads", .kind = STY_PARAM_INT, .offset = STY_ATTENTION_AT(at, heads), .low = 1,      \
     .high = 1024, .help = "contiguous slices of the units"}
#define STY_ATTENTION_WIDTH_ROWS(at)                                                               \
    {.name = "units", .kind = STY_PARAM_INT, .offset = STY_ATTENTION_AT(at, units), .low = 1,      \
     .high = 65536, .help = "width of query, key and value, all heads together"},                  \
        STY_ATTENTION_HEADS_ROW(at),                                                               \
        {.name = "out", .kind = STY_PARAM_INT, .offset = STY_ATTENTION_AT(at, out),                \
         .initial = "0", .low = 0, .high = 65536,                                                  \
         .help = "width of the output projection, 0 = none"},                                      \
        STY_ATTENTION_FLAG(at, query_projection, "true", "queries are projected"),                 \
        STY_ATTENTION_FLAG(at, key_projection, "true", "keys are projected"),                      \
        STY_ATTENTION_FLAG(at, value_projection, "true", "values are projected"),                  \
        {.name = "softmax_axis", .kind = STY_PARAM_CHOICE,                                         \
         .offset = STY_ATTENTION_AT(at, softmax_axis), .initial = "keys",                          \
         .choices = sty_softmax_axes, .help = "batch: the published bug, every weight is 1"}
#define STY_ATTENTION_BIAS_ROWS(at, query_initial)                                                 \
    STY_ATTENTION_FLAG(at, query_bias, query_initial, "bias of the query projection"),             \
        STY_ATTENTION_FLAG(at, key_bias, "false", "bias of the key projection"),                   \
        STY_ATTENTION_FLAG(at, value_bias, "false", "bias of the value projection"),               \
        STY_ATTENTION_FLAG(at, out_bias, "true", "bias of the output projection")
#define STY_ATTENTION_SCORE_ROWS(at, scale_initial, fill_initial)                                  \
    {.name = "scale", .kind = STY_PARAM_CHOICE, .offset = STY_ATTENTION_AT(at, scale),             \
     .initial = scale_initial, .choices = sty_attention_scales,                                    \
     .help = "scores are divided by its square root"},                                             \
        {.name = "mask_meaning", .kind = STY_PARAM_CHOICE,                                         \
         .offset = STY_ATTENTION_AT(at, mask_meaning), .initial = "valid",                         \
         .choices = sty_mask_meanings, .help = "what 1 in the mask means"},                        \
        {.name = "mask_fill", .kind = STY_PARAM_CHOICE,                                            \
         .offset = STY_ATTENTION_AT(at, mask_fill), .initial = fill_initial,                       \
         .choices = sty_mask_fills, .help = "score of a masked key"}
#define STY_ATTENTION_POSITION_ROWS(at)                                                            \
    STY_ATTENTION_FLAG(at, u_bias, "true", "learned bias of the query against keys"),              \
        STY_ATTENTION_FLAG(at, v_bias, "true", "learned bias of the query against positions"),     \
        {.name = "position_base", .kind = STY_PARAM_NUMBER,                                        \
         .offset = STY_ATTENTION_AT(at, position_base), .initial = "10000", .low = 1,              \
         .high = 1e12, .help = "of the computed encodings"},                                       \
        {.name = "position_precision", .kind = STY_PARAM_CHOICE,                                   \
         .offset = STY_ATTENTION_AT(at, position_precision), .initial = "float32",                 \
         .choices = sty_position_precisions, .help = "of the computed encodings"}

/* Inputs in this order wherever attention has them; unconnected ones are absent. */
enum { STY_PORT_QUERY, STY_PORT_KEY, STY_PORT_VALUE, STY_PORT_MASK, STY_PORT_POSITION, STY_N_ATTENTION_PORTS };

typedef struct sty_attention_state {
    sty_linear query, key, value, position, out; /* without weights: there is none */
    const float *u_bias, *v_bias, *table;
    const float *table_bias; /* scaled */
    float scale;             /* of the scores */
} sty_attention_state;

/* What a conformer fixes: units and output as wide as the query, everything
 * projected, sinusoids with shift front. */
sty_attention_params sty_attention_conformer(const sty_attention_params *p, size_t width);

/* out[0] the result, out[1] the weights. in has STY_N_ATTENTION_PORTS elements.
 * Errors as of sty_layer_type. */
sty_status sty_attention_shape(const sty_attention_params *p, const sty_shape *in, sty_shape *out,
                               sty_err *err);

/* Tensors under a prefix ("" or "attention."). */
void sty_attention_slots(const sty_attention_params *p, const sty_shape *in, const char *prefix,
                         sty_slots *list);
sty_status sty_attention_prepare(const sty_attention_params *p, const sty_shape *in,
                                 const char *prefix, const sty_slots *list,
                                 const float *const *weights, sty_arena *arena,
                                 sty_attention_state *state, sty_err *err);

size_t sty_attention_floats(const sty_attention_params *p, const sty_shape *in);
size_t sty_attention_kept(const sty_attention_params *p, const sty_shape *in); /* as keep of sty_layer_type */
double sty_attention_work(const sty_attention_params *p, const sty_shape *in);

/* out [Tq, width]; weights [heads, Tq, Tk] or NULL. out may not overlap an input. kept: the rows of computed
 * positions, which are the same for every clip; NULL where sty_attention_kept is 0. */
void sty_attention_apply(const sty_attention_params *p, const sty_attention_state *state,
                         const sty_tensor *in, float *out, float *weights, float *kept, float *scratch);

#endif
