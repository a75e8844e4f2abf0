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

/* The parameter tables: of conv1d with STY_PARAM_INT, of conv2d with STY_PARAM_PAIR; kinds: names of the coordinates. */
#define STY_CONV_AT(field) offsetof(sty_conv_params, field)
#define STY_CONV_AXES(field, number, value, least, text)                                           \
    {.name = #field, .kind = number, .offset = STY_CONV_AT(field), .initial = value, .low = least, \
     .high = 255, .help = text}
#define STY_CONV_ROWS(number, kinds)                                                               \
    {.name = "channels", .kind = STY_PARAM_INT, .offset = STY_CONV_AT(channels), .low = 1,         \
     .high = 65536, .help = "output channels"},                                                    \
        STY_CONV_AXES(kernel, number, "3", 1, "size"),                                             \
        STY_CONV_AXES(stride, number, "1", 1, "step"),                                             \
        STY_CONV_AXES(padding, number, "0", 0, "zeros at each side"),                              \
        {.name = "padding_rule", .kind = STY_PARAM_CHOICE, .offset = STY_CONV_AT(padding_rule),    \
         .initial = "given", .choices = sty_padding_rules, .help = "same: TensorFlow's SAME"},     \
        STY_CONV_AXES(dilation, number, "1", 1, "distance of taps"),                               \
        {.name = "groups", .kind = STY_PARAM_INT, .offset = STY_CONV_AT(groups), .initial = "1",   \
         .low = 1, .high = 65536, .help = "groups of channels that do not mix"},                   \
        {.name = "bias", .kind = STY_PARAM_BOOL, .offset = STY_CONV_AT(bias), .initial = "true",   \
         .help = "a bias is added"},                                                               \
        {.name = "coordinates", .kind = STY_PARAM_CHOICE, .offset = STY_CONV_AT(coordinates),      \
         .initial = "none", .choices = kinds, .help = "channels appended before the convolution"}, \
        STY_NORM_ROWS("norm", "norm", STY_CONV_AT(norm), "none"),                                  \
        STY_ACTIVATION_ROWS("activation", "slope", STY_CONV_AT(activation), STY_CONV_AT(slope),    \
                            "none", "0.01"),                                                       \
        {.name = "order", .kind = STY_PARAM_CHOICE, .offset = STY_CONV_AT(order),                  \
         .initial = "norm_activation", .choices = sty_conv_orders, .help = "which comes first"}

/* A layer type of these calls: they tell by the kind of the input whether there is a second axis. */
#define STY_CONV_TYPE(label, text, rows, shape_)                                                   \
    {.name = label, .summary = text, .params = rows, .n_params = STY_COUNT(rows),                  \
     .params_size = sizeof(sty_conv_params), .inputs = sty_conv_inputs, .n_required = 1,           \
     .shape = shape_, .slots = sty_conv_part_slots, .prepare = sty_conv_part_prepare,              \
     .scratch = sty_conv_part_scratch, .work = sty_conv_part_work, .reach = sty_conv_part_reach,   \
     .flow = sty_conv_part_flow, .bins = sty_conv_part_bins, .run = sty_conv_part_run}
extern const char *const sty_conv_inputs[];

/* Output shape; in is an image or a sequence. Errors as of sty_layer_type. */
sty_status sty_conv_part_shape(const sty_conv_params *p, const sty_shape *in, sty_shape *out,
                               sty_err *err);
void sty_conv_part_slots(const void *params, const sty_shape *in, sty_slots *list);
sty_status sty_conv_part_prepare(const void *params, const sty_shape *in, const sty_slots *list,
                                 const float *const *weights, sty_arena *arena, const void **state,
                                 sty_err *err);
size_t sty_conv_part_scratch(const void *params, const sty_shape *in, const sty_shape *out);
double sty_conv_part_work(const void *params, const sty_shape *in, const sty_shape *out);
sty_reach sty_conv_part_reach(const void *params, const sty_shape *in);
sty_flow sty_conv_part_flow(const void *params);
sty_reach sty_conv_part_bins(const void *params, const sty_shape *in);
void sty_conv_part_run(const sty_layer_call *call);

#endif
