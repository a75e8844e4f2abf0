/* conv_module_part.h - the conformer's convolution module as a part, for the
 * layers conformer_conv_module and conformer_block. Floor 2. */
#ifndef STY_LAYERS_CONV_MODULE_PART_H
#define STY_LAYERS_CONV_MODULE_PART_H

#include "layers/linear_part.h"
#include "layers/norm_part.h"

typedef struct sty_conv_module_params {
    int expansion, kernel, gate_activation, first_norm, activation;
    bool pointwise_bias, depthwise_bias, residual;
    double gate_slope, slope;
    sty_norm_params norm;
} sty_conv_module_params;

/* Rows of a parameter table at offset `at`, names with a prefix ("" or "conv_"). */
#define STY_CONV_MODULE_AT(at, field) ((at) + offsetof(sty_conv_module_params, field))
#define STY_CONV_MODULE_FLAG(prefix, at, field, value, text)                                       \
    {.name = prefix #field, .kind = STY_PARAM_BOOL, .offset = STY_CONV_MODULE_AT(at, field),       \
     .initial = value, .help = text}
#define STY_CONV_MODULE_ROWS(prefix, at)                                                           \
    {.name = prefix "expansion", .kind = STY_PARAM_INT,                                            \
     .offset = STY_CONV_MODULE_AT(at, expansion), .initial = "2", .low = 1, .high = 64,            \
     .help = "inner width, in input widths"},                                                      \
        {.name = prefix "kernel", .kind = STY_PARAM_INT, .offset = STY_CONV_MODULE_AT(at, kernel), \
         .initial = "7", .low = 1, .high = 1023, .help = "of the depthwise convolution, odd"},     \
        STY_CONV_MODULE_FLAG(prefix, at, pointwise_bias, "true",                                   \
                             "biases of the pointwise convolutions"),                              \
        STY_CONV_MODULE_FLAG(prefix, at, depthwise_bias, "true",                                   \
                             "bias of the depthwise convolution"),                                 \
        STY_ACTIVATION_ROWS(prefix "gate_activation", prefix "gate_slope",                         \
                            STY_CONV_MODULE_AT(at, gate_activation),                               \
                            STY_CONV_MODULE_AT(at, gate_slope), "leaky_relu", "0.3"),              \
        {.name = prefix "first_norm", .kind = STY_PARAM_CHOICE,                                    \
         .offset = STY_CONV_MODULE_AT(at, first_norm), .initial = "layer",                         \
         .choices = sty_norm_names, .help = "normalisation in front"},                             \
        STY_NORM_ROWS(prefix "norm", prefix "norm", STY_CONV_MODULE_AT(at, norm), "group"),        \
        STY_ACTIVATION_ROWS(prefix "activation", prefix "slope",                                   \
                            STY_CONV_MODULE_AT(at, activation), STY_CONV_MODULE_AT(at, slope),     \
                            "leaky_relu", "0.3")

typedef struct sty_conv_module_state {
    sty_linear conv_1, conv_2;
    const float *depthwise, *depthwise_bias; /* depthwise packed */
    sty_norm_state norm_1, norm_2;
} sty_conv_module_state;

/* d: width of the input, t: its steps. Errors as of sty_layer_type. */
sty_status sty_conv_module_check(const sty_conv_module_params *p, size_t d, size_t t, sty_err *err);
void sty_conv_module_slots(const sty_conv_module_params *p, size_t d, const char *prefix,
                           sty_slots *list);
sty_status sty_conv_module_prepare(const sty_conv_module_params *p, size_t d, const char *prefix,
                                   const sty_slots *list, const float *const *weights,
                                   sty_arena *arena, sty_conv_module_state *state, sty_err *err);
size_t sty_conv_module_floats(const sty_conv_module_params *p, size_t d, size_t t);
double sty_conv_module_work(const sty_conv_module_params *p, size_t d, size_t t);

/* y [t, d] from x [t, d]: norm, pointwise, gate, depthwise, norm, activation,
 * pointwise; plus x when residual. y may not overlap x. */
void sty_conv_module_apply(const sty_conv_module_params *p, const sty_conv_module_state *state,
                           const float *x, size_t t, size_t d, float *y, float *scratch);

#endif
