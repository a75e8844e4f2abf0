/* conv1d.c - layer `conv1d`: torch.nn.Conv1d over the steps of a sequence [T, D],
 * then normalisation and activation in either order: conv_part. Pointwise is
 * kernel 1, depthwise groups = D. */
#include "layers/conv_part.h"
#include "layers/layers.h"

static const char *const coordinate_kinds[] = {"none", "time", "time_radius", NULL};

static const sty_param params[] = {
    STY_CONV_ROWS,
    {.name = "kernel", .kind = STY_PARAM_INT, .offset = STY_CONV_AT(kernel), .initial = "3", .low = 1,
     .high = 255, .help = "size"},
    {.name = "stride", .kind = STY_PARAM_INT, .offset = STY_CONV_AT(stride), .initial = "1", .low = 1,
     .high = 255, .help = "step"},
    {.name = "padding", .kind = STY_PARAM_INT, .offset = STY_CONV_AT(padding), .initial = "0", .low = 0,
     .high = 255, .help = "zeros at each side"},
    {.name = "dilation", .kind = STY_PARAM_INT, .offset = STY_CONV_AT(dilation), .initial = "1", .low = 1,
     .high = 255, .help = "distance of taps"},
    {.name = "coordinates", .kind = STY_PARAM_CHOICE, .offset = STY_CONV_AT(coordinates),
     .initial = "none", .choices = coordinate_kinds, .help = "channels appended before the convolution"},
};

static sty_status shape(const void *params_, const sty_shape *in, size_t n_in, sty_shape *out,
                        sty_err *err) {
    (void)n_in;
    STY_TRY(sty_layer_expect(in, 1u << STY_SEQUENCE, "a sequence [T, D]", err));
    return sty_conv_part_shape(params_, in, out, err);
}

static const char *const inputs[] = {"input", NULL};

const sty_layer_type sty_layer_conv1d = {
    .name = "conv1d",
    .summary = "convolution over time, normalisation, activation",
    .params = params,
    .n_params = STY_COUNT(params),
    .params_size = sizeof(sty_conv_params),
    .inputs = inputs,
    .n_required = 1,
    .shape = shape,
    .slots = sty_conv_part_slots,
    .prepare = sty_conv_part_prepare,
    .scratch = sty_conv_part_scratch,
    .work = sty_conv_part_work,
    .reach = sty_conv_part_reach,
    .flow = sty_conv_part_flow,
    .run = sty_conv_part_run,
};
