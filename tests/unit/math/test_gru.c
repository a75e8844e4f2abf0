/* The recurrence against a float64 twin, on every processor path. */
#include "math/gru.h"
#include "unit.h"

#include "paths.h"
#include "random.h"

#include <math.h>
#include <string.h>

enum { T = 40, D = 9, MOST = 70 };

typedef struct {
    float weight_ih[3 * MOST * D], weight_hh[3 * MOST * MOST], bias_ih[3 * MOST], bias_hh[3 * MOST];
    float packed[256 * MOST], x[T * D], state[MOST], states[T * MOST], scratch[(T + 1) * 3 * MOST];
} arrays;

static void fill(float *x, size_t n, float scale) {
    for (size_t i = 0; i < n; i++)
        x[i] = scale * (float)random_between(-1, 1);
}

static double gate(const arrays *a, const double *h, size_t u, const float *x, size_t row, double *recurrent) {
    double in = (double)a->bias_ih[row];
    *recurrent = (double)a->bias_hh[row];
    for (size_t i = 0; i < D; i++)
        in += (double)a->weight_ih[row * D + i] * (double)x[i];
    for (size_t i = 0; i < u; i++)
        *recurrent += (double)a->weight_hh[row * u + i] * h[i];
    return in;
}

static void twin_step(const arrays *a, double *h, size_t u, const float *x) {
    double next[MOST];
    for (size_t j = 0; j < u; j++) {
        double rr, rz, rn;
        const double ir = gate(a, h, u, x, j, &rr), iz = gate(a, h, u, x, u + j, &rz);
        const double in = gate(a, h, u, x, 2 * u + j, &rn);
        const double r = 1 / (1 + exp(-ir - rr)), z = 1 / (1 + exp(-iz - rz));
        next[j] = (1 - z) * tanh(in + r * rn) + z * h[j];
    }
    memcpy(h, next, u * sizeof *h);
}

static void check(size_t u) {
    static arrays a;
    double h[MOST] = {0};
    fill(a.weight_ih, 3 * u * D, 0.5f);
    fill(a.weight_hh, 3 * u * u, 0.3f);
    fill(a.bias_ih, 3 * u, 0.2f);
    fill(a.bias_hh, 3 * u, 0.2f);
    fill(a.x, T * D, 1.0f);
    assert_true(sty_recurrent_packed(3 * u, u) <= sizeof a.packed / sizeof *a.packed);
    sty_recurrent_pack(a.weight_hh, 3 * u, u, a.packed);
    const sty_gru gru = {D, u, a.weight_ih, a.packed, a.bias_ih, a.bias_hh};
    assert_true(sty_gru_scratch(&gru, T) <= sizeof a.scratch / sizeof *a.scratch);
    sty_gru_run(&gru, a.x, T, a.state, a.states, a.scratch);
    for (size_t t = 0; t < T; t++) {
        twin_step(&a, h, u, a.x + t * D);
        for (size_t j = 0; j < u; j++) /* states are below 1; errors of steps do not grow */
            if (!(fabs((double)a.states[t * u + j] - h[j]) < 2e-6))
                fail_msg("%s, %zu units, step %zu unit %zu: %.9g, float64 says %.9g",
                         sty_cpu_name(sty_cpu_path()), u, t, j, (double)a.states[t * u + j], h[j]);
    }
    assert_memory_equal(a.state, a.states + (T - 1) * u, u * sizeof *a.state);
}

static void check_widths(void) {
    static const size_t units[] = {1, 3, 16, 31, 64, MOST};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        check(units[i]);
}

static void states_agree_with_float64_for_any_width(void **state) {
    (void)state;
    on_every_path(check_widths);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_agree_with_float64_for_any_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
