/* image.c - layer `image`: a sequence as an image of one channel.
 *
 * Formula: time_major: y[f][t] = x[t][f]. mel_major: the buffer m of the transposed sequence [F, T] is read
 *   as if it were [T, F]: element (r, c) is m[r F + c].
 * Shapes: x [T, F]; y [F, T, 1].
 * Scratch: none.
 * Source: mel_major: NVIDIA/mellotron (d5362cca) feeds its encoder this way, so its published weights
 *   expect it. */
#include "layers/layers.h"
#include "math/transpose.h"

typedef struct {
    int layout;
} image_params;

enum { TIME_MAJOR, MEL_MAJOR };
static const char *const layouts[] = {"time_major", "mel_major", NULL};

static const sty_param params[] = {
    {.name = "layout", .kind = STY_PARAM_CHOICE, .offset = offsetof(image_params, layout),
     .initial = "time_major", .choices = layouts, .help = "order in which the features are read"},
};

static sty_status shape(const void *p, const sty_shape *in, size_t n_in, sty_shape *out,
                        sty_err *err) {
    (void)p, (void)n_in;
    STY_TRY(sty_layer_expect(in, 1u << STY_SEQUENCE, "a sequence [T, F]", err));
    out[0] = sty_shape_image(in->dim[1], in->dim[0], 1);
    return STY_OK;
}

static void run(const sty_layer_call *call) {
    const image_params *p = call->params;
    const size_t n_frames = call->in[0].shape.dim[0], n_bins = call->in[0].shape.dim[1];
    const float *x = call->in[0].data;
    float *y = call->out[0].data;
    if (p->layout == TIME_MAJOR) {
        sty_transpose(n_frames, n_bins, x, n_bins, y, n_frames);
        return;
    }
    for (size_t f = 0; f < n_bins; f++)
        for (size_t t = 0; t < n_frames; t++) {
            const size_t flat = t * n_bins + f; /* of [T, F] as the encoder sees it */
            y[f * n_frames + t] = x[flat % n_frames * n_bins + flat / n_frames];
        }
}

static sty_reach reach(const void *params_, const sty_shape *in) {
    const image_params *p = params_;
    (void)in;
    return (sty_reach){p->layout == MEL_MAJOR ? STY_WHOLE : 1, 1, 0};
}

static sty_flow flow(const void *params_) {
    const image_params *p = params_;
    return p->layout == MEL_MAJOR ? STY_FLOW_WHOLE : STY_FLOW_BLOCKS;
}

static const char *const inputs[] = {"input", NULL};

const sty_layer_type sty_layer_image = {
    .name = "image",
    .summary = "a sequence as a one-channel image",
    .params = params,
    .n_params = STY_COUNT(params),
    .params_size = sizeof(image_params),
    .inputs = inputs,
    .n_required = 1,
    .shape = shape,
    .reach = reach,
    .flow = flow,
    .run = run,
};
