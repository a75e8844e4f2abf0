/* The three recurrences against float64 twins, on every processor path. */
#include "math/gru.h"
#include "math/gru_tensorflow.h"
#include "math/lstm.h"
#include "math/recurrent.h"
#include "unit.h"

#include "paths.h"
#include "random.h"

#include <math.h>
#include <string.h>

enum { T = 40, D = 9, MOST = 70, ROWS = 4 * MOST, TILES = 320 };

/* Input columns, then state columns of every row: [rows, D + u]. */
static float weight[ROWS * (D + MOST)], bias_ih[ROWS], bias_hh[ROWS], x[T * D];
static float input_packed[TILES * D], input_packed_2[TILES * D], packed[TILES * MOST], packed_2[TILES * MOST];
static float state[2 * MOST], states[T * MOST], scratch[(T + 2) * ROWS];

static void fill(float *to, size_t n, float scale) {
    for (size_t i = 0; i < n; i++)
        to[i] = scale * (float)random_between(-1, 1);
}

static void fill_all(size_t rows, size_t u) {
    fill(weight, rows * (D + u), 0.4f);
    fill(bias_ih, rows, 0.2f);
    fill(bias_hh, rows, 0.2f);
    fill(x, T * D, 1.0f);
    assert_true(sty_linear_packed(rows, D) <= sizeof input_packed / sizeof *input_packed);
    sty_linear_pack(rows, D, weight, D + u, input_packed);
    assert_true(sty_recurrent_packed(rows, u) <= sizeof packed / sizeof *packed);
    sty_recurrent_pack(weight + D, rows, u, D + u, packed);
}

/* Row of the weights with an input step; with a state. */
static double from_input(size_t row, size_t u, const float *step) {
    double sum = 0;
    for (size_t i = 0; i < D; i++)
        sum += (double)weight[row * (D + u) + i] * (double)step[i];
    return sum;
}

static double from_state(size_t row, size_t u, const double *h) {
    double sum = 0;
    for (size_t i = 0; i < u; i++)
        sum += (double)weight[row * (D + u) + D + i] * h[i];
    return sum;
}

static double sigmoid(double v) { return 1 / (1 + exp(-v)); }

/* Errors of 1e-7 a step that the recurrence neither forgets at once nor lets grow. */
static void compare(const char *cell, size_t u, size_t t, const double *h) {
    for (size_t j = 0; j < u; j++)
        if (!(fabs((double)states[t * u + j] - h[j]) < 2e-6))
            fail_msg("%s, %s, %zu units, step %zu unit %zu: %.9g, float64 says %.9g", cell,
                     sty_cpu_name(sty_cpu_path()), u, t, j, (double)states[t * u + j], h[j]);
}

static void check_gru(size_t u) {
    double h[MOST] = {0}, next[MOST];
    fill_all(3 * u, u);
    const sty_gru gru = {u, {3 * u, D, input_packed, bias_ih}, packed, bias_hh};
    memset(state, 0, sizeof state);
    sty_gru_run(&gru, x, T, state, states, scratch);
    for (size_t t = 0; t < T; t++) {
        for (size_t j = 0; j < u; j++) {
            double in[3], rec[3];
            for (size_t g = 0; g < 3; g++) {
                in[g] = from_input(g * u + j, u, x + t * D) + (double)bias_ih[g * u + j];
                rec[g] = from_state(g * u + j, u, h) + (double)bias_hh[g * u + j];
            }
            const double z = sigmoid(in[1] + rec[1]);
            next[j] = (1 - z) * tanh(in[2] + sigmoid(in[0] + rec[0]) * rec[2]) + z * h[j];
        }
        memcpy(h, next, sizeof h);
        compare("gru", u, t, h);
    }
    assert_memory_equal(state, states + (T - 1) * u, u * sizeof *state);
}

static void check_lstm(size_t u) {
    double h[MOST] = {0}, c[MOST] = {0}, next[MOST];
    fill_all(4 * u, u);
    const sty_lstm lstm = {u, {4 * u, D, input_packed, bias_ih}, packed, bias_hh};
    assert_true(sty_lstm_scratch(&lstm, T) <= sizeof scratch / sizeof *scratch);
    memset(state, 0, sizeof state);
    sty_lstm_run(&lstm, x, T, state, states, scratch);
    for (size_t t = 0; t < T; t++) {
        for (size_t j = 0; j < u; j++) {
            double v[4];
            for (size_t g = 0; g < 4; g++)
                v[g] = from_input(g * u + j, u, x + t * D) + from_state(g * u + j, u, h) +
                       (double)bias_ih[g * u + j] + (double)bias_hh[g * u + j];
            c[j] = sigmoid(v[1]) * c[j] + sigmoid(v[0]) * tanh(v[2]);
            next[j] = sigmoid(v[3]) * tanh(c[j]);
        }
        memcpy(h, next, sizeof h);
        compare("lstm", u, t, h);
    }
}

/* Rows 0 to 2u are the gates, the rest the candidate. */
static void check_tensorflow(size_t u) {
    double h[MOST] = {0}, reset[MOST], update[MOST];
    fill_all(3 * u, u);
    sty_recurrent_pack(weight + 2 * u * (D + u) + D, u, u, D + u, packed_2);
    sty_recurrent_pack(weight + D, 2 * u, u, D + u, packed);
    sty_linear_pack(u, D, weight + 2 * u * (D + u), D + u, input_packed_2);
    const sty_gru_tensorflow gru = {u,      {2 * u, D, input_packed, NULL}, {u, D, input_packed_2, NULL},
                                    packed, packed_2,                       bias_ih,
                                    bias_ih + 2 * u};
    memset(state, 0, sizeof state);
    sty_gru_tensorflow_run(&gru, x, T, state, states, scratch);
    for (size_t t = 0; t < T; t++) {
        const float *step = x + t * D;
        for (size_t j = 0; j < u; j++) {
            reset[j] = sigmoid(from_input(j, u, step) + from_state(j, u, h) + (double)bias_ih[j]) * h[j];
            update[j] = sigmoid(from_input(u + j, u, step) + from_state(u + j, u, h) + (double)bias_ih[u + j]);
        }
        for (size_t j = 0; j < u; j++) {
            const size_t row = 2 * u + j;
            const double c = tanh(from_input(row, u, step) + from_state(row, u, reset) + (double)bias_ih[row]);
            h[j] = update[j] * h[j] + (1 - update[j]) * c;
        }
        compare("gru of tensorflow", u, t, h);
    }
}

static void check_widths(void) {
    static const size_t units[] = {1, 3, 16, 31, 64, MOST};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        check_gru(units[i]);
        check_lstm(units[i]);
        check_tensorflow(units[i]);
    }
}

static void states_agree_with_float64_for_any_width(void **unused) {
    (void)unused;
    on_every_path(check_widths);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_agree_with_float64_for_any_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
