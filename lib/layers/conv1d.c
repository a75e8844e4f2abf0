/* conv1d.c - layer `conv1d`: torch.nn.Conv1d over the steps of a sequence [T, D],
 * then normalisation and activation in either order: conv_part. Pointwise is
 * kernel 1, depthwise groups = D. */
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
