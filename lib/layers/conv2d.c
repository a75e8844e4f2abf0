/* conv2d.c - layer `conv2d`: a convolution over time and frequency, its norm and its activation (conv_part).
 *
 * Formula: y = f(norm(conv(x))), or norm(f(conv(x))): conv as in conv1d.c, over two axes; every pair of a parameter is
 *   (time, frequency).
 * Shapes: x [F, T, C]; y [F', T', channels], each axis as in conv1d.c.
 * Scratch: of math/conv.h; with coordinates also the input with them; instance norm over few positions:
 *   the input and the output in double.
 * Source: torch.nn.Conv2d; padding_rule same: TensorFlow; coordinates: keonlee9420/Comprehensive-Transformer-TTS. */
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
