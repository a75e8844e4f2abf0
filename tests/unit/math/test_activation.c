/* Element-wise functions and softmax against float64, on every processor path. */
#include "math/activation.h"
#include "unit.h"

#include "paths.h"
#include "random.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

static double softplus(double x) { return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)); }

static double twin(sty_activation kind, double slope, double x) {
    switch (kind) {
    case STY_ACT_RELU: return x < 0 ? 0 : x;
    case STY_ACT_LEAKY_RELU: return x < 0 ? slope * x : x;
    case STY_ACT_TANH: return tanh(x);
    case STY_ACT_SIGMOID: return 1 / (1 + exp(-x));
    case STY_ACT_SOFTSIGN: return x / (1 + fabs(x));
    case STY_ACT_SOFTPLUS: return softplus(x);
    case STY_ACT_MISH: return x * tanh(softplus(x));
    case STY_ACT_SWISH: return x / (1 + exp(-x));
    case STY_ACT_GELU: return 0.5 * x * (1 + erf(x * sqrt(0.5)));
    default: return x;
    }
}

/* Float32 forms 1 + erf and rounds it to 6e-8, so far below zero GELU has an
 * absolute error, as PyTorch's has; all others keep relative digits: a few
 * roundings of 6e-8 each. Denormals have their own distance. */
static double allowed(sty_activation kind, double x, double want) {
    const double absolute = kind == STY_ACT_GELU ? 1.5e-7 * fabs(x) : 0;
    return 4e-7 * fabs(want) + absolute + 3e-45;
}

static void check_accuracy(void) {
    enum { N = 4001 };
    static float x[N], y[N];
    for (int scale = 0; scale < 4; scale++) {
        const float width = (const float[]){0.01f, 1.0f, 8.0f, 87.0f}[scale];
        for (size_t i = 0; i < N; i++)
            x[i] = width * ((float)i - (N - 1) / 2) / ((N - 1) / 2);
        for (int kind = 0; kind < STY_N_ACTIVATIONS; kind++) {
            memcpy(y, x, sizeof y);
            sty_activate((sty_activation)kind, 0.2f, y, N);
            for (size_t i = 0; i < N; i++) {
                const double v = (double)x[i], want = twin((sty_activation)kind, (double)0.2f, v);
                if (!(fabs((double)y[i] - want) <= allowed((sty_activation)kind, v, want)))
                    fail_msg("%s %s(%.9g) is %.9g, float64 says %.9g", sty_cpu_name(sty_cpu_path()),
                             sty_activation_names[kind], v, (double)y[i], want);
            }
        }
    }
}

static void functions_agree_with_float64(void **state) {
    (void)state;
    on_every_path(check_accuracy);
}

static void check_limits(void) {
    for (int kind = 0; kind < STY_N_ACTIVATIONS; kind++) {
        float x[5] = {NAN, INFINITY, -INFINITY, 3e38f, -3e38f};
        sty_activate((sty_activation)kind, 0.2f, x, 5);
        assert_true(isnan(x[0]));
        const bool bounded = kind == STY_ACT_TANH || kind == STY_ACT_SIGMOID;
        if (kind != STY_ACT_SOFTSIGN) assert_true(bounded ? x[1] == 1.0f : isinf(x[1]) && x[1] > 0);
        if (kind == STY_ACT_TANH) assert_true(x[2] == -1.0f && x[4] == -1.0f);
        if (kind == STY_ACT_SIGMOID || kind == STY_ACT_RELU || kind == STY_ACT_SOFTPLUS)
            assert_true(x[2] == 0.0f && x[4] == 0.0f);
        assert_false(isnan(x[3]) || isnan(x[4]));
    }
}

static void not_a_number_stays_and_infinities_reach_their_limits(void **state) {
    (void)state;
    on_every_path(check_limits);
}

/* One element alone gives the bytes that it gives anywhere in a longer array. */
static void check_places(void) {
    enum { N = 37 };
    for (int kind = 0; kind < STY_N_ACTIVATIONS; kind++) {
        float whole[N], alone[2];
        for (size_t i = 0; i < N; i++)
            whole[i] = 0.37f * ((float)i - 18);
        sty_activate((sty_activation)kind, 0.2f, whole, N);
        for (size_t i = 0; i < N; i++) {
            alone[1] = 0.37f * ((float)i - 18);
            sty_activate((sty_activation)kind, 0.2f, alone + 1, 1);
            assert_memory_equal(alone + 1, whole + i, sizeof *alone);
        }
    }
}

static void a_result_does_not_depend_on_its_place(void **state) {
    (void)state;
    on_every_path(check_places);
}

static void check_softmax(void) {
    enum { LONGEST = 70 };
    for (size_t n = 1; n <= LONGEST; n++) {
        float x[LONGEST + 1], copy[LONGEST];
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            x[i + 1] = copy[i] = 30.0f * (float)random_between(-1, 1);
        sty_softmax(copy, 1, n);
        sty_softmax(x + 1, 1, n); /* another alignment */
        assert_memory_equal(copy, x + 1, n * sizeof *x);
        for (size_t i = 0; i < n; i++)
            sum += (double)copy[i];
        assert_true(fabs(sum - 1) < 1e-6);
    }
}

static void softmax_sums_to_one_for_any_length_and_alignment(void **state) {
    (void)state;
    on_every_path(check_softmax);
}

static void check_softmax_values(void) {
    enum { N = 11 };
    float x[N];
    double top = -1e9, sum = 0;
    for (size_t i = 0; i < N; i++)
        x[i] = 5.0f * (float)random_between(-1, 1);
    float y[N];
    memcpy(y, x, sizeof y);
    for (size_t i = 0; i < N; i++)
        top = fmax(top, (double)x[i]);
    for (size_t i = 0; i < N; i++)
        sum += exp((double)x[i] - top);
    sty_softmax(y, 1, N);
    for (size_t i = 0; i < N; i++) {
        const double want = exp((double)x[i] - top) / sum;
        assert_true(fabs((double)y[i] - want) <= 1e-6 * want);
    }
    float masked[2][3] = {{-INFINITY, -INFINITY, -INFINITY}, {-INFINITY, 2.0f, -INFINITY}};
    sty_softmax(masked[0], 2, 3);
    const float expected[2][3] = {{0, 0, 0}, {0, 1, 0}};
    assert_memory_equal(masked, expected, sizeof expected);
    float bad[3] = {-INFINITY, NAN, 1.0f};
    sty_softmax(bad, 1, 3);
    assert_true(isnan(bad[0]) && isnan(bad[1]) && isnan(bad[2]));
}

static void softmax_agrees_with_float64_and_knows_masks(void **state) {
    (void)state;
    on_every_path(check_softmax_values);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_agree_with_float64),
        cmocka_unit_test(not_a_number_stays_and_infinities_reach_their_limits),
        cmocka_unit_test(a_result_does_not_depend_on_its_place),
        cmocka_unit_test(softmax_sums_to_one_for_any_length_and_alignment),
        cmocka_unit_test(softmax_agrees_with_float64_and_knows_masks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
