/* conv2d.c - layer `conv2d`: torch.nn.Conv2d over (time, frequency) of an image
 * [F, T, C], then normalisation and activation in either order: conv_part. */
#include "layers/conv_part.h"
#include "layers/layers.h"

static const char *const coordinate_kinds[] = {"none", "time_frequency_radius", NULL};
static const sty_param params[] = {STY_CONV_ROWS(STY_PARAM_PAIR, coordinate_kinds)};

static sty_status shape(const void *p, const sty_shape *in, size_t n_in, sty_shape *out, sty_err *err) {
    (void)n_in;
    STY_TRY(sty_layer_expect(in, 1u << STY_IMAGE, "an image [F, T, C]", err));
    return sty_conv_part_shape(p, in, out, err);
}

const sty_layer_type sty_layer_conv2d =
    STY_CONV_TYPE("conv2d", "convolution over time and frequency, normalisation, activation", params, shape);
