/* conv2d.c - layer `conv2d`: torch.nn.Conv2d over (time, frequency) of an image
 * [F, T, C], then normalisation and activation in either order.
 *
 * Batch norm that follows the convolution directly is folded into its weights
 * when the model is bound. padding_rule same is TensorFlow's SAME: ceil(n / s)
 * outputs, the odd zero behind. coordinates: CoordConv2d with radius as in
 * keonlee9420/Comprehensive-Transformer-TTS (the 0.5 offset is theirs). */
#include "layers/layers.h"
#include "layers/norm_part.h"
#include "math/activation.h"
#include "math/conv.h"

#include <math.h>
#include <string.h>

typedef struct {
    int channels, groups;
    int kernel[2], stride[2], padding[2], dilation[2];
    int padding_rule, coordinates, activation, order;
    bool bias;
    double slope;
    sty_norm_params norm;
} conv2d_params;

typedef struct {
    const float *packed, *bias; /* bias NULL: none */
    sty_norm_params norm;       /* kind none once folded */
    sty_norm_state norm_state;
} conv2d_state;

enum { GIVEN, SAME };
enum { NO_COORDINATES, WITH_RADIUS };
enum { NORM_ACTIVATION, ACTIVATION_NORM };
static const char *const padding_rules[] = {"given", "same", NULL};
static const char *const coordinate_kinds[] = {"none", "time_frequency_radius", NULL};
static const char *const orders[] = {"norm_activation", "activation_norm", NULL};

#define AT(field) offsetof(conv2d_params, field)

static const sty_param params[] = {
    {.name = "channels", .kind = STY_PARAM_INT, .offset = AT(channels), .low = 1, .high = 65536,
     .help = "output channels"},
    {.name = "kernel", .kind = STY_PARAM_PAIR, .offset = AT(kernel), .initial = "3", .low = 1,
     .high = 255, .help = "size, (time, frequency)"},
    {.name = "stride", .kind = STY_PARAM_PAIR, .offset = AT(stride), .initial = "1", .low = 1,
     .high = 255, .help = "step, (time, frequency)"},
    {.name = "padding", .kind = STY_PARAM_PAIR, .offset = AT(padding), .initial = "0", .low = 0,
     .high = 255, .help = "zeros at each side, (time, frequency)"},
    {.name = "padding_rule", .kind = STY_PARAM_CHOICE, .offset = AT(padding_rule),
     .initial = "given", .choices = padding_rules, .help = "same: TensorFlow's SAME"},
    {.name = "dilation", .kind = STY_PARAM_PAIR, .offset = AT(dilation), .initial = "1", .low = 1,
     .high = 255, .help = "distance of taps, (time, frequency)"},
    {.name = "groups", .kind = STY_PARAM_INT, .offset = AT(groups), .initial = "1", .low = 1,
     .high = 65536, .help = "groups of channels that do not mix"},
    {.name = "bias", .kind = STY_PARAM_BOOL, .offset = AT(bias), .initial = "true",
     .help = "a bias is added"},
    {.name = "coordinates", .kind = STY_PARAM_CHOICE, .offset = AT(coordinates), .initial = "none",
     .choices = coordinate_kinds, .help = "channels appended before the convolution"},
    {.name = "norm", .kind = STY_PARAM_CHOICE, .offset = AT(norm.kind), .initial = "none",
     .choices = sty_norm_names, .help = "normalisation of the result"},
    {.name = "norm_groups", .kind = STY_PARAM_INT, .offset = AT(norm.groups), .initial = "1",
     .low = 1, .high = 65536, .help = "of norm group"},
    {.name = "norm_affine", .kind = STY_PARAM_BOOL, .offset = AT(norm.affine), .initial = "true",
     .help = "the norm has weight and bias"},
    {.name = "norm_eps", .kind = STY_PARAM_NUMBER, .offset = AT(norm.eps), .initial = "1e-5",
     .low = 0, .high = 1, .help = "added to the variance"},
    {.name = "activation", .kind = STY_PARAM_CHOICE, .offset = AT(activation), .initial = "none",
     .choices = sty_activation_names, .help = "function of the result"},
    {.name = "slope", .kind = STY_PARAM_NUMBER, .offset = AT(slope), .initial = "0.01",
     .low = -10, .high = 10, .help = "of leaky_relu"},
    {.name = "order", .kind = STY_PARAM_CHOICE, .offset = AT(order), .initial = "norm_activation",
     .choices = orders, .help = "which comes first"},
};

static size_t in_channels(const conv2d_params *p, const sty_shape *in) {
    return in->dim[2] + (p->coordinates == WITH_RADIUS ? 3 : 0);
}

/* The zeros TensorFlow's SAME adds to one axis of length n. */
static void pad_same(sty_conv *conv, int axis, size_t n) {
    const size_t s = conv->stride[axis];
    const size_t span = (conv->kernel[axis] - 1) * conv->dilation[axis] + 1;
    const size_t covered = ((n + s - 1) / s - 1) * s + span;
    const size_t total = covered > n ? covered - n : 0;
    conv->pad_before[axis] = total / 2;
    conv->pad_after[axis] = total - total / 2;
}

static sty_conv geometry(const conv2d_params *p, const sty_shape *in) {
    sty_conv conv = {.in_channels = in_channels(p, in),
                     .out_channels = (size_t)p->channels,
                     .groups = (size_t)p->groups,
                     .slope = (float)p->slope};
    for (int axis = 0; axis < 2; axis++) {
        conv.kernel[axis] = (size_t)p->kernel[axis];
        conv.stride[axis] = (size_t)p->stride[axis];
        conv.dilation[axis] = (size_t)p->dilation[axis];
        conv.pad_before[axis] = conv.pad_after[axis] = (size_t)p->padding[axis];
        /* time is axis 1 of [F, T, C], frequency axis 0 */
        if (p->padding_rule == SAME) pad_same(&conv, axis, in->dim[1 - axis]);
    }
    return conv;
}

static sty_status shape(const void *params_, const sty_shape *in, size_t n_in, sty_shape *out,
                        sty_err *err) {
    const conv2d_params *p = params_;
    (void)n_in;
    STY_TRY(sty_layer_expect(in, 1u << STY_IMAGE, "an image [F, T, C]", err));
    const size_t c = in_channels(p, in);
    if (c % (size_t)p->groups != 0 || p->channels % p->groups != 0)
        return sty_err_set(err, STY_BAD_MODEL, "%d groups do not divide %zu input and %d output channels",
                           p->groups, c, p->channels);
    STY_TRY(sty_norm_check(&p->norm, (size_t)p->channels, err));
    const sty_conv conv = geometry(p, in);
    const size_t n_bins = sty_conv_length(&conv, 1, in->dim[0]);
    const size_t n_frames = sty_conv_length(&conv, 0, in->dim[1]);
    if (n_bins == 0)
        return sty_err_set(err, STY_BAD_MODEL, "%zu bins are fewer than the kernel covers", in->dim[0]);
    if (n_frames == 0)
        return sty_err_set(err, STY_TOO_SHORT, "%zu frames are fewer than the kernel covers", in->dim[1]);
    out[0] = sty_shape_image(n_bins, n_frames, (size_t)p->channels);
    return STY_OK;
}

static void slots(const void *params_, const sty_shape *in, sty_slots *list) {
    const conv2d_params *p = params_;
    sty_slot_add(list, 4, (size_t)p->channels, in_channels(p, in) / (size_t)p->groups,
                 (size_t)p->kernel[0], (size_t)p->kernel[1], "weight");
    if (p->bias) STY_SLOT1(list, (size_t)p->channels, "bias");
    sty_norm_slots(&p->norm, (size_t)p->channels, "norm.", list);
}

static sty_status prepare(const void *params_, const sty_shape *in, const sty_slots *list,
                          const float *const *weights, sty_arena *arena, const void **state,
                          sty_err *err) {
    const conv2d_params *p = params_;
    const sty_conv conv = geometry(p, in);
    const size_t c = (size_t)p->channels;
    conv2d_state *s;
    float *packed;
    STY_TRY(sty_layer_alloc(arena, 1, sizeof *s, &s, err));
    STY_TRY(sty_layer_alloc(arena, sty_conv_packed(&conv), sizeof *packed, &packed, err));
    STY_TRY(sty_norm_prepare(&p->norm, c, "norm.", list, weights, arena, &s->norm_state, err));
    s->norm = p->norm;
    s->bias = sty_weight(list, weights, "bias");
    const float *gain = NULL;
    if (p->norm.kind == STY_NORM_BATCH && (p->order == NORM_ACTIVATION || p->activation == STY_ACT_NONE)) {
        float *bias;
        STY_TRY(sty_layer_alloc(arena, c, sizeof *bias, &bias, err));
        gain = s->norm_state.gain;
        for (size_t i = 0; i < c; i++)
            bias[i] = s->norm_state.shift[i] + (s->bias ? s->bias[i] * gain[i] : 0.0f);
        s->bias = bias;
        s->norm.kind = STY_NORM_NONE;
    }
    sty_conv_pack(&conv, sty_weight(list, weights, "weight"), gain, packed);
    s->packed = packed;
    *state = s;
    return STY_OK;
}

static size_t with_coordinates(const conv2d_params *p, const sty_shape *in) {
    return p->coordinates == WITH_RADIUS ? in->dim[0] * in->dim[1] * in_channels(p, in) : 0;
}

static size_t scratch(const void *params_, const sty_shape *in, const sty_shape *out) {
    const conv2d_params *p = params_;
    const sty_conv conv = geometry(p, in);
    (void)out;
    return with_coordinates(p, in) + sty_conv_scratch(&conv, in->dim[0], in->dim[1]);
}

static double work(const void *params_, const sty_shape *in, const sty_shape *out) {
    const conv2d_params *p = params_;
    return (double)sty_shape_count(out) * p->kernel[0] * p->kernel[1] *
           (double)(in_channels(p, in) / (size_t)p->groups);
}

/* -1 at the first index, 1 at the last; 0 / 0 of a single one becomes -1. */
static float coordinate(size_t i, size_t n) {
    return n > 1 ? 2.0f * (float)i / (float)(n - 1) - 1.0f : -1.0f;
}

static void append_coordinates(const sty_tensor *in, float *to) {
    const size_t *dim = in->shape.dim;
    const float *x = in->data;
    for (size_t f = 0; f < dim[0]; f++)
        for (size_t t = 0; t < dim[1]; t++, x += dim[2], to += dim[2] + 3) {
            const float a = coordinate(t, dim[1]), b = coordinate(f, dim[0]);
            memcpy(to, x, dim[2] * sizeof *to);
            to[dim[2]] = a;
            to[dim[2] + 1] = b;
            to[dim[2] + 2] = sqrtf((a - 0.5f) * (a - 0.5f) + (b - 0.5f) * (b - 0.5f));
        }
}

static void run(const sty_layer_call *call) {
    const conv2d_params *p = call->params;
    const conv2d_state *s = call->state;
    const sty_shape *in = &call->in[0].shape;
    sty_conv conv = geometry(p, in);
    const float *x = call->in[0].data;
    float *padded = call->scratch;
    if (p->coordinates == WITH_RADIUS) {
        append_coordinates(&call->in[0], call->scratch);
        x = call->scratch;
        padded += with_coordinates(p, in);
    }
    float *y = call->out[0].data;
    const size_t count = sty_shape_count(&call->out[0].shape), c = (size_t)p->channels;
    const bool norm_between = p->order == NORM_ACTIVATION && s->norm.kind != STY_NORM_NONE;
    if (!norm_between) conv.activation = (sty_activation)p->activation;
    sty_conv_run(&conv, s->packed, s->bias, x, in->dim[0], in->dim[1], y, padded);
    sty_norm_apply(&s->norm, &s->norm_state, y, count / c, c);
    if (norm_between) sty_activate((sty_activation)p->activation, (float)p->slope, y, count);
}

static const char *const inputs[] = {"input", NULL};

const sty_layer_type sty_layer_conv2d = {
    .name = "conv2d",
    .summary = "convolution over time and frequency, normalisation, activation",
    .params = params,
    .n_params = STY_COUNT(params),
    .params_size = sizeof(conv2d_params),
    .inputs = inputs,
    .n_required = 1,
    .shape = shape,
    .slots = slots,
    .prepare = prepare,
    .scratch = scratch,
    .work = work,
    .run = run,
};
