/* conv_part.h - convolution, normalisation and activation as one part, for the
 * layers conv1d (sequences) and conv2d (images). Floor 2.
 *
 * A sequence [T, D] is an image of one bin; pairs are (time, frequency). */
#ifndef STY_LAYERS_CONV_PART_H
#define STY_LAYERS_CONV_PART_H

#include "layers/norm_part.h"
#include "math/conv.h"

enum { STY_PAD_GIVEN, STY_PAD_SAME };
enum { STY_NORM_ACTIVATION, STY_ACTIVATION_NORM };
extern const char *const sty_padding_rules[];
extern const char *const sty_conv_orders[];

typedef struct sty_conv_params {
    int channels, groups;
    int kernel[2], stride[2], padding[2], dilation[2]; /* conv1d: the second is 0, not used */
    int padding_rule, activation, order;
    int coordinates; /* image: 1 = time, frequency, radius; sequence: channels appended, 0 to 2 */
    bool bias;
    double slope;
    sty_norm_params norm;
} sty_conv_params;

/* Rows that conv1d and conv2d share; channel, kernel, stride, ... rows differ. */
#define STY_CONV_AT(field) offsetof(sty_conv_params, field)
#define STY_CONV_ROWS                                                                              \
    {.name = "channels", .kind = STY_PARAM_INT, .offset = STY_CONV_AT(channels), .low = 1,         \
     .high = 65536, .help = "output channels"},                                                    \
        {.name = "padding_rule", .kind = STY_PARAM_CHOICE, .offset = STY_CONV_AT(padding_rule),    \
         .initial = "given", .choices = sty_padding_rules, .help = "same: TensorFlow's SAME"},     \
        {.name = "groups", .kind = STY_PARAM_INT, .offset = STY_CONV_AT(groups), .initial = "1",   \
         .low = 1, .high = 65536, .help = "groups of channels that do not mix"},                   \
        {.name = "bias", .kind = STY_PARAM_BOOL, .offset = STY_CONV_AT(bias), .initial = "true",   \
         .help = "a bias is added"},                                                               \
        STY_NORM_ROWS("norm", "norm", STY_CONV_AT(norm), "none"),                                  \
        STY_ACTIVATION_ROWS("activation", "slope", STY_CONV_AT(activation), STY_CONV_AT(slope),    \
                            "none", "0.01"),                                                       \
        {.name = "order", .kind = STY_PARAM_CHOICE, .offset = STY_CONV_AT(order),                  \
         .initial = "norm_activation", .choices = sty_conv_orders, .help = "which comes first"}

/* Output shape; in is an image or a sequence. Errors as of sty_layer_type. */
sty_status sty_conv_part_shape(const sty_conv_params *p, const sty_shape *in, sty_shape *out,
                               sty_err *err);

/* The other calls of a layer type whose parameters are sty_conv_params. */
void sty_conv_part_slots(const void *params, const sty_shape *in, sty_slots *list);
sty_status sty_conv_part_prepare(const void *params, const sty_shape *in, const sty_slots *list,
                                 const float *const *weights, sty_arena *arena, const void **state,
                                 sty_err *err);
size_t sty_conv_part_scratch(const void *params, const sty_shape *in, const sty_shape *out);
double sty_conv_part_work(const void *params, const sty_shape *in, const sty_shape *out);
sty_reach sty_conv_part_reach(const void *params, const sty_shape *in);
sty_flow sty_conv_part_flow(const void *params);
void sty_conv_part_run(const sty_layer_call *call);

#endif
