/* Convolution against a float64 twin that follows torch.nn.Conv2d's definition,
 * over many geometries and on every processor path. */
#include "math/conv.h"
#include "unit.h"

#include "base/mem.h"
#include "paths.h"
#include "random.h"

#include <math.h>
#include <string.h>

/* in, out, groups, kernel, stride, dilation, before, after (time, frequency each), bins, frames */
typedef struct {
    sty_conv conv;
    size_t n_bins, n_frames;
} geometry;

static const geometry geometries[] = {
    /* a GST's first and later layers, with frames beyond one table of windows */
    {{1, 32, 1, {3, 3}, {2, 2}, {1, 1}, {1, 1}, {1, 1}, STY_ACT_RELU, 0, false}, 12, 203},
    {{32, 64, 1, {3, 3}, {2, 2}, {1, 1}, {1, 1}, {1, 1}, STY_ACT_LEAKY_RELU, 0.1f, false}, 5, 26},
    {{4, 17, 1, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, STY_ACT_TANH, 0, false}, 3, 7},
    /* conv1d, long kernels, inputs shorter than the kernel */
    {{8, 16, 1, {31, 1}, {1, 1}, {1, 1}, {15, 0}, {15, 0}, STY_ACT_NONE, 0, false}, 1, 9},
    {{8, 16, 1, {5, 1}, {3, 1}, {1, 1}, {4, 0}, {0, 0}, STY_ACT_NONE, 0, false}, 1, 50},
    {{3, 5, 1, {3, 3}, {1, 1}, {1, 1}, {0, 0}, {0, 0}, STY_ACT_NONE, 0, false}, 4, 4},
    /* dilation, groups, depthwise */
    {{6, 20, 1, {3, 2}, {1, 1}, {4, 2}, {4, 1}, {4, 2}, STY_ACT_NONE, 0, false}, 5, 13},
    {{8, 36, 2, {3, 3}, {2, 1}, {1, 1}, {1, 1}, {1, 1}, STY_ACT_RELU, 0, false}, 4, 11},
    {{21, 21, 21, {7, 3}, {1, 2}, {1, 1}, {3, 1}, {3, 1}, STY_ACT_SWISH, 0, false}, 4, 61},
    {{10, 10, 10, {3, 1}, {1, 1}, {2, 1}, {4, 0}, {0, 0}, STY_ACT_NONE, 0, false}, 1, 3},
    {{2, 4, 2, {3, 3}, {1, 1}, {2, 2}, {2, 2}, {2, 2}, STY_ACT_NONE, 0, false}, 3, 5},
    /* more padding than kernel, and kernel rows wholly outside */
    {{2, 3, 1, {2, 2}, {1, 1}, {1, 1}, {3, 3}, {5, 4}, STY_ACT_NONE, 0, false}, 2, 2},
    {{1, 1, 1, {1, 1}, {3, 3}, {1, 1}, {2, 2}, {2, 2}, STY_ACT_NONE, 0, false}, 1, 1},
    /* three bins with stride 1, two at a time: odd and even bins, long and short rows, rows of one frame */
    {{32, 48, 1, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, STY_ACT_LEAKY_RELU, 0.2f, false}, 5, 210},
    {{36, 35, 1, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, STY_ACT_NONE, 0, false}, 20, 7},
    {{32, 32, 1, {5, 3}, {2, 1}, {1, 1}, {4, 0}, {0, 3}, STY_ACT_TANH, 0, false}, 4, 23},
    {{32, 33, 1, {1, 3}, {1, 1}, {1, 1}, {0, 1}, {0, 1}, STY_ACT_RELU, 0, false}, 501, 1},
    {{40, 32, 1, {3, 1}, {1, 1}, {1, 1}, {1, 0}, {1, 0}, STY_ACT_NONE, 0, true}, 1, 1},
    {{32, 40, 1, {3, 1}, {1, 1}, {1, 1}, {1, 0}, {1, 0}, STY_ACT_RELU, 0, true}, 1, 300},
    {{31, 40, 1, {3, 1}, {1, 1}, {1, 1}, {1, 0}, {1, 0}, STY_ACT_RELU, 0, true}, 1, 9},
    {{32, 32, 1, {2, 3}, {1, 1}, {1, 1}, {0, 2}, {1, 2}, STY_ACT_RELU, 0, false}, 1, 2},
};

typedef struct {
    float *x, *weight, *bias, *packed, *out, *scratch;
    size_t out_bins, out_frames;
} arrays;

static float *filled(size_t n) {
    float *x = sty_alloc(n, sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)random_between(-1, 1);
    return x;
}

static arrays prepare(const geometry *g) {
    const sty_conv *c = &g->conv;
    arrays a = {.out_bins = sty_conv_length(c, 1, g->n_bins),
                .out_frames = sty_conv_length(c, 0, g->n_frames)};
    a.x = filled(g->n_bins * g->n_frames * c->in_channels);
    a.weight = filled(c->out_channels * c->in_channels / c->groups * c->kernel[0] * c->kernel[1]);
    a.bias = filled(c->out_channels);
    a.packed = sty_alloc(sty_conv_packed(c), sizeof(float));
    a.out = sty_alloc(a.out_bins * a.out_frames * c->out_channels, sizeof(float));
    a.scratch = filled(sty_conv_scratch(c, g->n_bins, g->n_frames)); /* never clean */
    assert_non_null(a.packed);
    assert_non_null(a.out);
    return a;
}

static void release(arrays *a) {
    sty_free(a->x);
    sty_free(a->weight);
    sty_free(a->bias);
    sty_free(a->packed);
    sty_free(a->out);
    sty_free(a->scratch);
}

/* One output value before the activation; *size: the sum of absolute values. */
static double twin(const geometry *g, const arrays *a, size_t f, size_t t, size_t o, double *size) {
    const sty_conv *c = &g->conv;
    const size_t ci = c->in_channels / c->groups, first = o / (c->out_channels / c->groups) * ci;
    double sum = (double)a->bias[o];
    *size = fabs(sum);
    for (size_t i = 0; i < ci; i++)
        for (size_t kt = 0; kt < c->kernel[0]; kt++)
            for (size_t kf = 0; kf < c->kernel[1]; kf++) {
                const long at = (long)(t * c->stride[0] + kt * c->dilation[0]) - (long)c->pad_before[0];
                const long bin = (long)(f * c->stride[1] + kf * c->dilation[1]) - (long)c->pad_before[1];
                if (at < 0 || at >= (long)g->n_frames || bin < 0 || bin >= (long)g->n_bins) continue;
                const float x = a->x[((size_t)bin * g->n_frames + (size_t)at) * c->in_channels + first + i];
                const float w = a->weight[((o * ci + i) * c->kernel[0] + kt) * c->kernel[1] + kf];
                sum += (double)x * (double)w;
                *size += fabs((double)x * (double)w);
            }
    return sum;
}

static double activated(const sty_conv *c, double v) {
    switch (c->activation) {
    case STY_ACT_RELU: return v < 0 ? 0 : v;
    case STY_ACT_LEAKY_RELU: return v < 0 ? (double)c->slope * v : v;
    case STY_ACT_TANH: return tanh(v);
    case STY_ACT_SWISH: return v / (1 + exp(-v));
    default: return v;
    }
}

static void check_geometry(const geometry *g) {
    const sty_conv *c = &g->conv;
    arrays a = prepare(g);
    sty_conv_pack(c, a.weight, NULL, a.packed);
    sty_conv_run(c, a.packed, a.bias, a.x, g->n_bins, g->n_frames, a.out, a.scratch);
    for (size_t f = 0; f < a.out_bins; f++)
        for (size_t t = 0; t < a.out_frames; t++)
            for (size_t o = 0; o < c->out_channels; o++) {
                double size;
                const double want = activated(c, twin(g, &a, f, t, o, &size));
                const double have = (double)a.out[(f * a.out_frames + t) * c->out_channels + o];
                /* roundings of a sum of a few hundred terms, 6e-8 each, mostly cancelling */
                if (!(fabs(have - want) <= 1e-6 * size + 1e-7))
                    fail_msg("%s geometry %zu at bin %zu frame %zu channel %zu: %.9g, float64 says %.9g",
                             sty_cpu_name(sty_cpu_path()), (size_t)(g - geometries), f, t, o, have, want);
            }
    release(&a);
}

static void check_all(void) {
    for (size_t i = 0; i < sizeof geometries / sizeof *geometries; i++)
        check_geometry(&geometries[i]);
}

static void every_geometry_agrees_with_float64(void **state) {
    (void)state;
    on_every_path(check_all);
}

/* A frame far from both ends gives the same bytes in a longer clip. */
static void check_length(void) {
    const geometry *g = &geometries[1];
    arrays whole = prepare(g);
    const size_t c = g->conv.out_channels, shorter = g->n_frames - 9;
    const size_t frames = sty_conv_length(&g->conv, 0, shorter);
    float *x = sty_alloc(g->n_bins * shorter * g->conv.in_channels, sizeof *x);
    float *out = sty_alloc(whole.out_bins * frames * c, sizeof *out);
    assert_non_null(x);
    assert_non_null(out);
    for (size_t f = 0; f < g->n_bins; f++)
        memcpy(x + f * shorter * g->conv.in_channels, whole.x + f * g->n_frames * g->conv.in_channels,
               shorter * g->conv.in_channels * sizeof *x);
    sty_conv_pack(&g->conv, whole.weight, NULL, whole.packed);
    sty_conv_run(&g->conv, whole.packed, whole.bias, whole.x, g->n_bins, g->n_frames, whole.out, whole.scratch);
    sty_conv_run(&g->conv, whole.packed, whole.bias, x, g->n_bins, shorter, out, whole.scratch);
    for (size_t f = 0; f < whole.out_bins; f++)
        assert_memory_equal(out + f * frames * c, whole.out + f * whole.out_frames * c, (frames - 1) * c * sizeof *out);
    sty_free(x);
    sty_free(out);
    release(&whole);
}

static void a_frame_does_not_depend_on_the_length_of_the_clip(void **state) {
    (void)state;
    on_every_path(check_length);
}

static void gain_is_folded_into_the_weights(void **state) {
    (void)state;
    const sty_conv conv = {.in_channels = 1, .out_channels = 2, .groups = 1, .kernel = {1, 1},
                           .stride = {1, 1}, .dilation = {1, 1}};
    const float weight[2] = {3, 5}, gain[2] = {2, -1}, x = 7;
    float packed[16], out[2];
    assert_int_equal(sty_conv_packed(&conv), 16);
    sty_conv_pack(&conv, weight, gain, packed);
    sty_conv_run(&conv, packed, NULL, &x, 1, 1, out, NULL);
    assert_true(out[0] == 42.0f && out[1] == -35.0f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_geometry_agrees_with_float64),
        cmocka_unit_test(a_frame_does_not_depend_on_the_length_of_the_clip),
        cmocka_unit_test(gain_is_folded_into_the_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
