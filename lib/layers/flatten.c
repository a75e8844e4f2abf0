/* flatten.c - layer `flatten`: the bins and channels of a frame in one row.
 *
 * Formula:
 *   channel_major  y[t][c F + f] = x[f][t][c]
 *   mel_major      y[t][f C + c] = x[f][t][c]
 *   channel_time_mel_reinterpreted
 *                  the buffer [C, T, F] read as T rows of C F
 * Shapes: x [F, T, C]; y [T, C F].
 * Scratch: none.
 * Source: in this order: KinglittleQ/GST-Tacotron and its line; TensorFlow ports, NeMo; early ESPnet. */
#include "layers/layers.h"

typedef struct {
    int order;
} flatten_params;

enum { CHANNEL_MAJOR, MEL_MAJOR, REINTERPRETED };
static const char *const orders[] = {"channel_major", "mel_major",
                                     "channel_time_mel_reinterpreted", NULL};

static const sty_param params[] = {
    {.name = "order", .kind = STY_PARAM_CHOICE, .offset = offsetof(flatten_params, order),
     .initial = "channel_major", .choices = orders, .help = "order of the values of a step"},
};

static sty_status shape(const void *p, const sty_shape *in, size_t n_in, sty_shape *out,
                        sty_err *err) {
    (void)p, (void)n_in;
    size_t width;
    STY_TRY(sty_layer_expect(in, 1u << STY_IMAGE, "an image [F, T, C]", err));
    if (!sty_mul(in->dim[0], in->dim[2], &width))
        return sty_err_set(err, STY_BAD_MODEL, "the flattened width does not fit");
    out[0] = sty_shape_sequence(in->dim[1], width);
    return STY_OK;
}

static void run(const sty_layer_call *call) {
    const flatten_params *p = call->params;
    const size_t *dim = call->in[0].shape.dim;
    const size_t n_bins = dim[0], n_frames = dim[1], n_channels = dim[2];
    const float *x = call->in[0].data;
    float *y = call->out[0].data;
    for (size_t f = 0; f < n_bins; f++)
        for (size_t t = 0; t < n_frames; t++)
            for (size_t c = 0; c < n_channels; c++) {
                size_t to;
                if (p->order == CHANNEL_MAJOR) to = (t * n_channels + c) * n_bins + f;
                else if (p->order == MEL_MAJOR) to = (t * n_bins + f) * n_channels + c;
                else to = (c * n_frames + t) * n_bins + f;
                y[to] = x[(f * n_frames + t) * n_channels + c];
            }
}

static sty_reach reach(const void *params_, const sty_shape *in) {
    const flatten_params *p = params_;
    (void)in;
    return (sty_reach){p->order == REINTERPRETED ? STY_WHOLE : 1, 1, 0};
}

static sty_flow flow(const void *params_) {
    const flatten_params *p = params_;
    return p->order == REINTERPRETED ? STY_FLOW_WHOLE : STY_FLOW_BLOCKS;
}

static const char *const inputs[] = {"input", NULL};

const sty_layer_type sty_layer_flatten = {
    .name = "flatten",
    .summary = "an image as a sequence",
    .params = params,
    .n_params = STY_COUNT(params),
    .params_size = sizeof(flatten_params),
    .inputs = inputs,
    .n_required = 1,
    .shape = shape,
    .reach = reach,
    .flow = flow,
    .run = run,
};
