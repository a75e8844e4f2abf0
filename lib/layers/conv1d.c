/* conv1d.c - layer `conv1d`: a convolution over time, its norm and its activation (conv_part).
 *
 * Formula: y = f(norm(conv(x))), or norm(f(conv(x))): conv_t = b + sum_k W_k x_(t stride + k dilation - padding),
 *   zeros outside. Pointwise is kernel 1, depthwise groups = D.
 * Shapes: x [T, D]; y [T', channels], T' = floor((T + 2 padding - dilation (kernel - 1) - 1) / stride) + 1.
 * Scratch: of math/conv.h; with coordinates also the input with them; instance norm over few positions:
 *   the input and the output in double.
 * Source: torch.nn.Conv1d; padding_rule same: TensorFlow; coordinates: keonlee9420/Comprehensive-Transformer-TTS. */
#include "layers/conv_part.h"
#include "layers/layers.h"

static const char *const coordinate_kinds[] = {"none", "time", "time_radius", NULL};
static const sty_param params[] = {STY_CONV_ROWS(STY_PARAM_INT, coordinate_kinds)};

static sty_status shape(const void *p, const sty_shape *in, size_t n_in, sty_shape *out, sty_err *err) {
    (void)n_in;
    STY_TRY(sty_layer_expect(in, 1u << STY_SEQUENCE, "a sequence [T, D]", err));
    return sty_conv_part_shape(p, in, out, err);
}

const sty_layer_type sty_layer_conv1d =
    STY_CONV_TYPE("conv1d", "convolution over time, normalisation, activation", params, shape);
