/* The convolution in double against the fast one and against the norm's own rule. */
#include "math/conv_exact.h"
#include "unit.h"

#include <math.h>

enum { IN = 6, OUT = 5, FRAMES = 7, BINS = 4, TAPS = 9 };

static float value(size_t i) { return (float)sin((double)(i * i % 997) * 0.37); }

static void fill(float *x, size_t n, size_t seed) {
    for (size_t i = 0; i < n; i++)
        x[i] = value(i + seed);
}

/* Sums of 54 products of at most 1: float32 differs from double by less than 1e-5. */
static void it_is_the_fast_convolution_with_other_rounding(void **state) {
    static float weight[OUT * IN * TAPS], bias[OUT], x[BINS * FRAMES * IN], packed[4096], fast[1024], scratch[8192];
    static double wide[BINS * FRAMES * IN], exact[1024];
    sty_conv conv = {.in_channels = IN, .out_channels = OUT, .groups = 1, .kernel = {3, 3}, .stride = {2, 1},
                     .dilation = {1, 1}, .pad_before = {1, 1}, .pad_after = {1, 1}};
    (void)state;
    fill(weight, OUT * IN * TAPS, 1);
    fill(bias, OUT, 2);
    fill(x, BINS * FRAMES * IN, 3);
    assert_true(sty_conv_packed(&conv) <= 4096 && sty_conv_scratch(&conv, BINS, FRAMES) <= 8192);
    sty_conv_pack(&conv, weight, NULL, packed);
    sty_conv_run(&conv, packed, bias, x, BINS, FRAMES, fast, scratch);
    for (size_t i = 0; i < BINS * FRAMES * IN; i++)
        wide[i] = (double)x[i];
    sty_conv_run_exact(&conv, weight, bias, wide, BINS, FRAMES, exact);
    const size_t n = sty_conv_length(&conv, 1, BINS) * sty_conv_length(&conv, 0, FRAMES) * OUT;
    assert_int_equal(n, 4 * 4 * OUT);
    for (size_t i = 0; i < n; i++)
        assert_true(fabs(exact[i] - (double)fast[i]) < 1e-5);
}

static void groups_read_their_own_channels(void **state) {
    const float weight[4] = {1, 2, 3, 4};
    const double x[4] = {1, 10, 100, 1000}; /* two groups of two channels, one frame */
    double y[2];
    const sty_conv conv = {.in_channels = 4, .out_channels = 2, .groups = 2, .kernel = {1, 1}, .stride = {1, 1},
                           .dilation = {1, 1}};
    (void)state;
    sty_conv_run_exact(&conv, weight, NULL, x, 1, 1, y);
    assert_true(y[0] == 21.0 && y[1] == 4300.0);
}

static void two_steps_that_nearly_agree_keep_their_difference(void **state) {
    const double x[2] = {1.0, 1.0 + 1e-9}; /* float32 would see the same number twice */
    const float gain = 1.0f;
    float y[2];
    (void)state;
    sty_instance_norm_exact(x, 2, 1, 1e-5, &gain, NULL, y);
    assert_true(fabs((double)y[1] - 5e-10 / sqrt(1e-5)) < 1e-12);
    assert_true(y[0] == -y[1]);
}

static void activations_are_those_of_float32(void **state) {
    double x[3] = {-2, 0, 3}, y[3] = {-2, 0, 3}, z[3] = {-2, 0, 3};
    (void)state;
    sty_activate_exact(STY_ACT_LEAKY_RELU, 0.3, x, 3);
    sty_activate_exact(STY_ACT_RELU, 0, y, 3);
    sty_activate_exact(STY_ACT_TANH, 0, z, 3);
    assert_true(x[0] == -0.6 && x[2] == 3 && y[0] == 0 && y[2] == 3);
    assert_true(fabs(z[0] - tanh(-2)) < 1e-6 && fabs(z[2] - tanh(3)) < 1e-6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_fast_convolution_with_other_rounding),
        cmocka_unit_test(groups_read_their_own_channels),
        cmocka_unit_test(two_steps_that_nearly_agree_keep_their_difference),
        cmocka_unit_test(activations_are_those_of_float32),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
