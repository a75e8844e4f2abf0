/* feed_forward_part.h - the position-wise feed-forward network as a part, for the
 * layers feed_forward and conformer_block. Floor 2. */
#ifndef STY_LAYERS_FEED_FORWARD_PART_H
#define STY_LAYERS_FEED_FORWARD_PART_H

#include "layers/norm_part.h"

enum { STY_FEED_FORWARD_CONV, STY_FEED_FORWARD_LINEAR };
extern const char *const sty_feed_forward_kinds[];

typedef struct sty_feed_forward_params {
    int kind, kernel, second_kernel, expansion, width, activation;
    bool gate, first_bias, second_bias, gate_bias, residual;
    bool whole; /* as of sty_conv */
    double slope, factor;
    sty_norm_params norm;
} sty_feed_forward_params;

/* Rows of a parameter table at offset `at`, names with a prefix ("" or "ff_"). */
#define STY_FEED_FORWARD_AT(at, field) ((at) + offsetof(sty_feed_forward_params, field))
#define STY_FEED_FORWARD_FLAG(prefix, at, field, value, text)                                      \
    {.name = prefix #field, .kind = STY_PARAM_BOOL, .offset = STY_FEED_FORWARD_AT(at, field),      \
     .initial = value, .help = text}
#define STY_FEED_FORWARD_INT(prefix, at, field, value, least, text)                                \
    {.name = prefix #field, .kind = STY_PARAM_INT, .offset = STY_FEED_FORWARD_AT(at, field),       \
     .initial = value, .low = least, .high = 65536, .help = text}
#define STY_FEED_FORWARD_ROWS(prefix, at)                                                          \
    {.name = prefix "kind", .kind = STY_PARAM_CHOICE, .offset = STY_FEED_FORWARD_AT(at, kind),     \
     .initial = "conv", .choices = sty_feed_forward_kinds, .help = "what its layers are"},         \
        STY_FEED_FORWARD_INT(prefix, at, kernel, "3", 1, "of the first convolution, odd"),         \
        STY_FEED_FORWARD_INT(prefix, at, second_kernel, "1", 1, "of the second, odd"),             \
        STY_FEED_FORWARD_INT(prefix, at, expansion, "4", 1, "inner width, in input widths"),       \
        STY_FEED_FORWARD_INT(prefix, at, width, "0", 0, "inner width, 0 = by expansion"),          \
        STY_ACTIVATION_ROWS(prefix "activation", prefix "slope",                                   \
                            STY_FEED_FORWARD_AT(at, activation), STY_FEED_FORWARD_AT(at, slope),   \
                            "leaky_relu", "0.3"),                                                  \
        STY_FEED_FORWARD_FLAG(prefix, at, gate, "false", "multiplied by a second first layer"),    \
        STY_FEED_FORWARD_FLAG(prefix, at, first_bias, "true", "bias of the first layer"),          \
        STY_FEED_FORWARD_FLAG(prefix, at, second_bias, "true", "bias of the second layer"),        \
        STY_FEED_FORWARD_FLAG(prefix, at, gate_bias, "true", "bias of the gate"),                  \
        STY_NORM_ROWS(prefix "norm", prefix "norm", STY_FEED_FORWARD_AT(at, norm), "layer"),       \
        {.name = prefix "factor", .kind = STY_PARAM_NUMBER,                                        \
         .offset = STY_FEED_FORWARD_AT(at, factor), .initial = "0.5", .low = -1e6, .high = 1e6,    \
         .help = "of the result"}

typedef struct sty_feed_forward_state {
    const float *first, *second, *gate; /* packed */
    const float *first_bias, *second_bias, *gate_bias;
    sty_norm_state norm;
} sty_feed_forward_state;

/* d: width of the input, t: its steps. Errors as of sty_layer_type. */
sty_status sty_feed_forward_check(const sty_feed_forward_params *p, size_t d, size_t t, sty_err *err);
void sty_feed_forward_slots(const sty_feed_forward_params *p, size_t d, const char *prefix,
                            sty_slots *list);
sty_status sty_feed_forward_prepare(const sty_feed_forward_params *p, size_t d, const char *prefix,
                                    const sty_slots *list, const float *const *weights,
                                    sty_arena *arena, sty_feed_forward_state *state, sty_err *err);
size_t sty_feed_forward_floats(const sty_feed_forward_params *p, size_t d, size_t t);
double sty_feed_forward_work(const sty_feed_forward_params *p, size_t d, size_t t);

/* y [t, d] = factor x second(f(first(norm(x))) (gate(norm(x)))), plus x when residual. y may not
 * overlap x. */
void sty_feed_forward_apply(const sty_feed_forward_params *p, const sty_feed_forward_state *state,
                            const float *x, size_t t, size_t d, float *y, float *scratch);

#endif
