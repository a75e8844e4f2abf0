/* average_pool.c - layer `average_pool`: means of windows.
 *
 * Formula: y = mean of the kernel's values; windows that would leave the input are left out.
 * Shapes: x [T, C] or [F, T, C]; y [T', C] or [F', T', C], n' = floor((n - kernel) / stride) + 1 per axis;
 *   odd_frames repeat: of an odd T, T + 1 frames, the last one doubled.
 * Scratch: none.
 * Source: torch.nn.AvgPool1d, AvgPool2d; odd_frames repeat: the shortcut of yl4579/StyleTTS2's blocks. */
#include "layers/layers.h"

#include <string.h>

typedef struct {
    int kernel[2], stride[2], odd_frames;
} pool_params;

enum { DROP, REPEAT };
static const char *const odd_rules[] = {"drop", "repeat", NULL};

static const sty_param params[] = {
    {.name = "kernel", .kind = STY_PARAM_PAIR, .offset = offsetof(pool_params, kernel),
     .initial = "2", .low = 1, .high = 255, .help = "size, (time, frequency)"},
    {.name = "stride", .kind = STY_PARAM_PAIR, .offset = offsetof(pool_params, stride),
     .initial = "2", .low = 1, .high = 255, .help = "step, (time, frequency)"},
    {.name = "odd_frames", .kind = STY_PARAM_CHOICE, .offset = offsetof(pool_params, odd_frames),
     .initial = "drop", .choices = odd_rules, .help = "repeat: the last one is doubled"},
};

/* Windows along an axis of n. */
static size_t windows(const pool_params *p, int axis, size_t n) {
    const size_t kernel = (size_t)p->kernel[axis];
    return n < kernel ? 0 : (n - kernel) / (size_t)p->stride[axis] + 1;
}

static sty_status shape(const void *params_, const sty_shape *in, size_t n_in, sty_shape *out,
                        sty_err *err) {
    const pool_params *p = params_;
    (void)n_in;
    STY_TRY(sty_layer_expect(in, 1u << STY_SEQUENCE | 1u << STY_IMAGE, "a sequence or an image", err));
    const size_t t = in->dim[in->rank - 2], c = sty_shape_width(in);
    const size_t frames = windows(p, 0, t + (p->odd_frames == REPEAT ? t % 2 : 0));
    const size_t bins = in->kind == STY_IMAGE ? windows(p, 1, in->dim[0]) : 1;
    if (bins == 0) return sty_err_set(err, STY_BAD_MODEL, "%zu bins are fewer than a window", in->dim[0]);
    if (frames == 0) return sty_err_set(err, STY_TOO_SHORT, "%zu frames are fewer than a window", t);
    *out = in->kind == STY_IMAGE ? sty_shape_image(bins, frames, c) : sty_shape_sequence(frames, c);
    return STY_OK;
}

static void run(const sty_layer_call *call) {
    const pool_params *p = call->params;
    const sty_shape *in = &call->in[0].shape, *out = &call->out[0].shape;
    const bool image = in->kind == STY_IMAGE;
    const size_t frames = in->dim[in->rank - 2], c = sty_shape_width(in);
    const size_t bins_out = image ? out->dim[0] : 1, frames_out = out->dim[out->rank - 2];
    const size_t kernel_bins = image ? (size_t)p->kernel[1] : 1;
    const float share = 1.0f / (float)((size_t)p->kernel[0] * kernel_bins);
    float *y = call->out[0].data;
    memset(y, 0, sty_shape_count(out) * sizeof *y);
    for (size_t f = 0; f < bins_out; f++)
        for (size_t t = 0; t < frames_out; t++, y += c) {
            for (size_t df = 0; df < kernel_bins; df++)
                for (size_t dt = 0; dt < (size_t)p->kernel[0]; dt++) {
                    const size_t bin = f * (size_t)p->stride[1] + df;
                    const size_t at = t * (size_t)p->stride[0] + dt;
                    const size_t frame = at < frames ? at : frames - 1;
                    const float *x = call->in[0].data + (bin * frames + frame) * c;
                    for (size_t j = 0; j < c; j++)
                        y[j] += x[j];
                }
            for (size_t j = 0; j < c; j++)
                y[j] *= share;
        }
}

static sty_reach reach(const void *params_, const sty_shape *in) {
    const pool_params *p = params_;
    (void)in;
    return (sty_reach){(size_t)p->kernel[0], (size_t)p->stride[0], 0};
}

/* Stretches are as long as the clip modulo the stride: an odd one does not keep what is odd. */
static sty_flow flow(const void *params_) {
    const pool_params *p = params_;
    return p->odd_frames == REPEAT && p->stride[0] % 2 ? STY_FLOW_WHOLE : STY_FLOW_BLOCKS;
}

static const char *const inputs[] = {"input", NULL};

const sty_layer_type sty_layer_average_pool = {
    .name = "average_pool",
    .summary = "means of windows",
    .params = params,
    .n_params = STY_COUNT(params),
    .params_size = sizeof(pool_params),
    .inputs = inputs,
    .n_required = 1,
    .shape = shape,
    .reach = reach,
    .flow = flow,
    .run = run,
};
