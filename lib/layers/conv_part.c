/* conv_part.c - convolution, normalisation, activation.
 *
 * Batch norm that follows the convolution directly is folded into its weights
 * when the model is bound. padding_rule same is TensorFlow's SAME: ceil(n / s)
 * outputs, the odd zero behind. Coordinates: CoordConv with radius as in
 * keonlee9420/Comprehensive-Transformer-TTS (the 0.5 offset is theirs); over a
 * single frame they are 0 / 0 there, so such a clip is refused. */
#include "layers/conv_part.h"

#include "math/activation.h"
#include "math/conv_exact.h"

#include <math.h>

typedef struct {
    const float *packed, *bias; /* bias NULL: none */
    const float *weight;        /* not packed, when few positions may need it; else NULL */
    sty_norm_params norm;       /* kind none once folded */
    sty_norm_state norm_state;
} conv_state;

const char *const sty_padding_rules[] = {"given", "same", NULL};
const char *const sty_conv_orders[] = {"norm_activation", "activation_norm", NULL};
const char *const sty_conv_inputs[] = {"input", NULL};

/* Instance norm over so few positions is computed in double (conv_exact.h). */
enum { EXACT_POSITIONS = 8 };

static bool is_exact(const sty_conv_params *p, const sty_shape *out) {
    return p->norm.kind == STY_NORM_INSTANCE && sty_shape_count(out) / (size_t)p->channels <= EXACT_POSITIONS;
}

static size_t n_bins(const sty_shape *in) { return in->kind == STY_IMAGE ? in->dim[0] : 1; }

static size_t n_frames(const sty_shape *in) { return in->dim[in->rank - 2]; }

/* Channels that the coordinates add. */
static size_t n_added(const sty_conv_params *p, const sty_shape *in) {
    return (size_t)p->coordinates * (in->kind == STY_IMAGE ? 3 : 1);
}

static size_t in_channels(const sty_conv_params *p, const sty_shape *in) {
    return sty_shape_width(in) + n_added(p, in);
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

static sty_conv geometry(const sty_conv_params *p, const sty_shape *in) {
    sty_conv conv = {.in_channels = in_channels(p, in),
                     .out_channels = (size_t)p->channels,
                     .groups = (size_t)p->groups,
                     .slope = (float)p->slope};
    for (int axis = 0; axis < 2; axis++) {
        const bool real = axis == 0 || in->kind == STY_IMAGE; /* a sequence has no second axis */
        conv.kernel[axis] = real ? (size_t)p->kernel[axis] : 1;
        conv.stride[axis] = real ? (size_t)p->stride[axis] : 1;
        conv.dilation[axis] = real ? (size_t)p->dilation[axis] : 1;
        conv.pad_before[axis] = conv.pad_after[axis] = (size_t)p->padding[axis];
        if (p->padding_rule == STY_PAD_SAME)
            pad_same(&conv, axis, axis == 0 ? n_frames(in) : n_bins(in));
    }
    return conv;
}

sty_status sty_conv_part_shape(const sty_conv_params *p, const sty_shape *in, sty_shape *out,
                               sty_err *err) {
    const size_t c = in_channels(p, in), made = (size_t)p->channels;
    if (c % (size_t)p->groups != 0 || made % (size_t)p->groups != 0)
        return sty_err_set(err, STY_BAD_MODEL, "%d groups do not divide %zu input and %zu output channels",
                           p->groups, c, made);
    STY_TRY(sty_norm_check(&p->norm, made, err));
    const sty_conv conv = geometry(p, in);
    const size_t bins = sty_conv_length(&conv, 1, n_bins(in));
    const size_t frames = sty_conv_length(&conv, 0, n_frames(in));
    if (bins == 0 || (p->coordinates && in->kind == STY_IMAGE && n_bins(in) == 1))
        return sty_err_set(err, STY_BAD_MODEL, "%zu bins are fewer than the kernel or the coordinates need",
                           n_bins(in));
    if (frames == 0)
        return sty_err_set(err, STY_TOO_SHORT, "%zu frames are fewer than the kernel covers", n_frames(in));
    if (p->coordinates && n_frames(in) == 1)
        return sty_err_set(err, STY_TOO_SHORT, "coordinates need at least 2 frames");
    STY_TRY(sty_norm_check_length(&p->norm, bins * frames, err));
    *out = in->kind == STY_IMAGE ? sty_shape_image(bins, frames, made) : sty_shape_sequence(frames, made);
    return STY_OK;
}

void sty_conv_part_slots(const void *params, const sty_shape *in, sty_slots *list) {
    const sty_conv_params *p = params;
    const size_t c = in_channels(p, in) / (size_t)p->groups, made = (size_t)p->channels;
    sty_slot_add(list, in->kind == STY_IMAGE ? 4 : 3, made, c, (size_t)p->kernel[0], (size_t)p->kernel[1],
                 "weight");
    if (p->bias) STY_SLOT1(list, made, "bias");
    sty_norm_slots(&p->norm, made, "norm.", list);
}

sty_status sty_conv_part_prepare(const void *params, const sty_shape *in, const sty_slots *list,
                                 const float *const *weights, sty_arena *arena, const void **state,
                                 sty_err *err) {
    const sty_conv_params *p = params;
    const sty_conv conv = geometry(p, in);
    const size_t c = (size_t)p->channels;
    conv_state *s;
    float *packed;
    STY_TRY(sty_layer_alloc(arena, 1, sizeof *s, &s, err));
    STY_TRY(sty_layer_alloc(arena, sty_conv_packed(&conv), sizeof *packed, &packed, err));
    STY_TRY(sty_norm_prepare(&p->norm, c, "norm.", list, weights, arena, &s->norm_state, err));
    s->norm = p->norm;
    s->bias = sty_weight(list, weights, "bias");
    const float *gain = NULL;
    if (p->norm.kind == STY_NORM_BATCH && (p->order == STY_NORM_ACTIVATION || p->activation == STY_ACT_NONE)) {
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
    if (p->norm.kind == STY_NORM_INSTANCE) s->weight = sty_weight(list, weights, "weight");
    *state = s;
    return STY_OK;
}

/* Values of the input, coordinates among them. */
static size_t n_inside(const sty_conv_params *p, const sty_shape *in) {
    return n_bins(in) * n_frames(in) * in_channels(p, in);
}

static size_t with_coordinates(const sty_conv_params *p, const sty_shape *in) {
    return p->coordinates ? sty_whole_lines(n_inside(p, in)) : 0;
}

size_t sty_conv_part_scratch(const void *params, const sty_shape *in, const sty_shape *out) {
    const sty_conv_params *p = params;
    const sty_conv conv = geometry(p, in);
    if (is_exact(p, out))
        return (n_inside(p, in) + sty_shape_count(out)) * (sizeof(double) / sizeof(float));
    return with_coordinates(p, in) + sty_conv_scratch(&conv, n_bins(in), n_frames(in));
}

double sty_conv_part_work(const void *params, const sty_shape *in, const sty_shape *out) {
    const sty_conv_params *p = params;
    const sty_conv conv = geometry(p, in);
    return (double)sty_shape_count(out) * (double)(conv.kernel[0] * conv.kernel[1]) *
           (double)(in_channels(p, in) / (size_t)p->groups);
}

sty_reach sty_conv_part_reach(const void *params, const sty_shape *in) {
    const sty_conv_params *p = params;
    const sty_conv conv = geometry(p, in);
    if (sty_norm_sees_all(&p->norm)) return sty_reach_whole(p, in);
    return (sty_reach){(conv.kernel[0] - 1) * conv.dilation[0] + 1, conv.stride[0], conv.pad_before[0]};
}

/* Coordinates say where in the clip a step is. */
sty_flow sty_conv_part_flow(const void *params) {
    const sty_conv_params *p = params;
    return sty_norm_sees_all(&p->norm) || p->coordinates ? STY_FLOW_WHOLE : STY_FLOW_BLOCKS;
}

sty_reach sty_conv_part_bins(const void *params, const sty_shape *in) {
    const sty_conv_params *p = params;
    const sty_conv conv = geometry(p, in);
    if (in->kind != STY_IMAGE || sty_norm_sees_all(&p->norm) || p->coordinates || !sty_conv_bin_by_bin(&conv))
        return sty_reach_whole(p, in);
    return (sty_reach){(conv.kernel[1] - 1) * conv.dilation[1] + 1, conv.stride[1], conv.pad_before[1]};
}

/* -1 at the first index, 1 at the last. */
static double coordinate(size_t i, size_t n) { return 2.0 * (double)i / (double)(n - 1) - 1.0; }

/* Of bin f and frame t; a = time, b = frequency: sequences get a, |a - 0.5|; images a, b, the radius. */
static void coordinates(const sty_shape *in, size_t f, size_t t, double to[3]) {
    const double a = coordinate(t, n_frames(in)), b = in->kind == STY_IMAGE ? coordinate(f, n_bins(in)) : 0.5;
    const double radius = sqrt((a - 0.5) * (a - 0.5) + (b - 0.5) * (b - 0.5));
    to[0] = a;
    to[1] = in->kind == STY_IMAGE ? b : radius;
    to[2] = radius;
}

/* The input and its coordinates, in float or (to NULL) in double. */
static void append_coordinates(const sty_conv_params *p, const sty_tensor *in, float *to, double *wide) {
    const size_t bins = n_bins(&in->shape), frames = n_frames(&in->shape);
    const size_t c = sty_shape_width(&in->shape), added = n_added(p, &in->shape);
    const float *x = in->data;
    for (size_t f = 0; f < bins; f++)
        for (size_t t = 0; t < frames; t++, x += c) {
            double more[3] = {0};
            if (added) coordinates(&in->shape, f, t, more);
            for (size_t i = 0; i < c + added; i++) {
                const double value = i < c ? (double)x[i] : more[i - c];
                if (to) *to++ = (float)value;
                else *wide++ = value;
            }
        }
}

/* The whole layer in double, rounded once. */
static void run_exact(const sty_layer_call *call, const sty_conv *conv) {
    const sty_conv_params *p = call->params;
    const conv_state *s = call->state;
    const sty_shape *in = &call->in[0].shape;
    const size_t c = (size_t)p->channels, count = sty_shape_count(&call->out[0].shape);
    double *x = (double *)(void *)call->scratch, *wide = x + n_inside(p, in);
    float *y = call->out[0].data;
    const bool first = p->order != STY_NORM_ACTIVATION;
    append_coordinates(p, &call->in[0], NULL, x);
    sty_conv_run_exact(conv, s->weight, s->bias, x, n_bins(in), n_frames(in), wide);
    if (first) sty_activate_exact((sty_activation)p->activation, p->slope, wide, count);
    sty_instance_norm_exact(wide, count / c, c, p->norm.eps, s->norm_state.gain, s->norm_state.shift, y);
    if (!first) sty_activate((sty_activation)p->activation, (float)p->slope, y, count);
}

void sty_conv_part_run(const sty_layer_call *call) {
    const sty_conv_params *p = call->params;
    const conv_state *s = call->state;
    const sty_shape *in = &call->in[0].shape;
    sty_conv conv = geometry(p, in);
    if (is_exact(p, &call->out[0].shape)) {
        run_exact(call, &conv);
        return;
    }
    const float *x = call->in[0].data;
    float *padded = call->scratch;
    if (p->coordinates) {
        append_coordinates(p, &call->in[0], call->scratch, NULL);
        x = call->scratch;
        padded += with_coordinates(p, in);
    }
    float *y = call->out[0].data;
    size_t bins = n_bins(in), made = n_bins(&call->out[0].shape);
    if (call->bins.n) {
        conv = sty_conv_of_bins(&conv, call->bins.first, call->bins.n, &bins);
        made = call->bins.n;
    }
    const size_t c = (size_t)p->channels, count = made * n_frames(&call->out[0].shape) * c;
    const bool norm_between = p->order == STY_NORM_ACTIVATION && s->norm.kind != STY_NORM_NONE;
    if (!norm_between) conv.activation = (sty_activation)p->activation;
    sty_conv_run(&conv, s->packed, s->bias, x, bins, n_frames(in), y, padded);
    sty_norm_apply(&s->norm, &s->norm_state, y, count / c, c, y);
    if (norm_between) sty_activate((sty_activation)p->activation, (float)p->slope, y, count);
}
