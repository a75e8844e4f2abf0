/* Linear layers against float64, on every processor path: packed, turned, used once,
 * between strides, with what is fused behind them. */
#include "math/linear.h"
#include "unit.h"

#include "base/mem.h"
#include "paths.h"
#include "random.h"

#include <math.h>
#include <string.h>

enum { MOST_N = 200, MOST_ROWS = 70, MOST_COLUMNS = 300, GAP = 5 };

static const size_t shapes[][3] = {/* n, rows, columns */
                                   {1, 1, 1},   {1, 33, 7},  {2, 16, 128}, {6, 70, 5},
                                   {7, 17, 40}, {13, 15, 3}, {200, 20, 9}, {50, 64, 300}};

static float x[MOST_N * (MOST_COLUMNS + GAP)], weight[MOST_ROWS * (MOST_COLUMNS + GAP)], turned[MOST_ROWS * MOST_COLUMNS];
static float bias[MOST_ROWS], others[MOST_N * (MOST_ROWS + GAP)], packed[80 * MOST_COLUMNS];
static float y[MOST_N * (MOST_ROWS + GAP)], again[MOST_N * (MOST_ROWS + GAP)];

static void fill(float *to, size_t n) {
    for (size_t i = 0; i < n; i++)
        to[i] = (float)random_between(-1, 1);
}

static void fill_all(void) {
    fill(x, sizeof x / sizeof *x);
    fill(weight, sizeof weight / sizeof *weight);
    fill(bias, MOST_ROWS);
    fill(others, sizeof others / sizeof *others);
    fill(packed, sizeof packed / sizeof *packed); /* need not be clean */
}

/* One value before what is fused; *size: the sum of absolute values. */
static double twin(size_t columns, size_t x_ld, size_t w_ld, const float *b, size_t i, size_t r, double *size) {
    double sum = b ? (double)b[r] : 0;
    *size = fabs(sum);
    for (size_t k = 0; k < columns; k++) {
        const double term = (double)x[i * x_ld + k] * (double)weight[r * w_ld + k];
        sum += term;
        *size += fabs(term);
    }
    return sum;
}

static void expect(const char *what, const size_t *shape, double have, double want, double size) {
    /* roundings of a sum of up to 300 terms, 6e-8 each, mostly cancelling */
    if (!(fabs(have - want) <= 1e-6 * size + 1e-7))
        fail_msg("%s, %s, %zu x %zu x %zu: %.9g, float64 says %.9g", what, sty_cpu_name(sty_cpu_path()), shape[0],
                 shape[1], shape[2], have, want);
}

static void check_plain(const size_t *shape) {
    const size_t n = shape[0], rows = shape[1], columns = shape[2];
    const sty_linear linear = {rows, columns, packed, bias};
    double size;
    assert_true(sty_linear_packed(rows, columns) <= sizeof packed / sizeof *packed);
    sty_linear_pack(rows, columns, weight, columns, packed);
    sty_linear_run(&linear, n, x, y);
    for (size_t i = 0; i < n; i++)
        for (size_t r = 0; r < rows; r++) {
            const double want = twin(columns, columns, columns, bias, i, r, &size);
            expect("packed", shape, (double)y[i * rows + r], want, size);
        }
    for (size_t r = 0; r < rows; r++)
        for (size_t k = 0; k < columns; k++)
            turned[k * rows + r] = weight[r * columns + k];
    fill(packed, sizeof packed / sizeof *packed);
    sty_linear_pack_turned(rows, columns, turned, rows, packed);
    sty_linear_run(&linear, n, x, again);
    assert_memory_equal(y, again, n * rows * sizeof *y);
    fill(again, n * rows);
    sty_linear_once(n, rows, columns, x, weight, bias, again);
    for (size_t i = 0; i < n; i++)
        for (size_t r = 0; r < rows; r++) {
            const double want = twin(columns, columns, columns, bias, i, r, &size);
            expect("used once", shape, (double)again[i * rows + r], want, size);
        }
}

/* Rows with gaps between them, half of leaky_relu, added to what is there already. */
static void check_fused(const size_t *shape) {
    const size_t n = shape[0], rows = shape[1], columns = shape[2], ld = columns + GAP, y_ld = rows + GAP;
    const sty_linear linear = {rows, columns, packed, NULL};
    double size;
    sty_linear_pack(rows, columns, weight, ld, packed);
    memcpy(y, others, sizeof y);
    sty_linear_apply(&linear, &(sty_linear_call){.n = n, .x_ld = ld, .y_ld = y_ld, .x = x, .y = y, .slope = 0.3f,
                                                 .activation = STY_ACT_LEAKY_RELU, .add = y, .factor = 0.5f});
    for (size_t i = 0; i < n; i++) {
        for (size_t r = 0; r < rows; r++) {
            const double sum = twin(columns, ld, ld, NULL, i, r, &size);
            const double want = 0.5 * (sum < 0 ? (double)0.3f * sum : sum) + (double)others[i * y_ld + r];
            expect("fused", shape, (double)y[i * y_ld + r], want, size + 1);
        }
        assert_memory_equal(y + i * y_ld + rows, others + i * y_ld + rows, GAP * sizeof *y);
    }
    sty_linear_call call = {.n = n, .x_ld = ld, .y_ld = y_ld, .x = x, .y = y, .activation = STY_ACT_TANH};
    sty_linear_apply(&linear, &call);
    for (size_t i = 0; i < n; i++)
        for (size_t r = 0; r < rows; r++) {
            const double want = tanh(twin(columns, ld, ld, NULL, i, r, &size));
            expect("tanh", shape, (double)y[i * y_ld + r], want, size);
        }
}

static void check_all(void) {
    fill_all();
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        check_plain(shapes[i]);
        check_fused(shapes[i]);
    }
}

static void every_shape_agrees_with_float64(void **state) {
    (void)state;
    on_every_path(check_all);
}

static void check_batches(void) {
    enum { N = 200, ROWS = 37, COLUMNS = 101 };
    const sty_linear linear = {ROWS, COLUMNS, packed, bias};
    fill_all();
    sty_linear_pack(ROWS, COLUMNS, weight, COLUMNS, packed);
    sty_linear_run(&linear, N, x, y);
    for (size_t n = 1; n < 20; n++)
        for (size_t i = 0; i + n <= N; i += n) {
            sty_linear_run(&linear, n, x + i * COLUMNS, again);
            assert_memory_equal(again, y + i * ROWS, n * ROWS * sizeof *y);
        }
}

static void a_row_has_the_same_bytes_in_every_batch(void **state) {
    (void)state;
    on_every_path(check_batches);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shape_agrees_with_float64),
        cmocka_unit_test(a_row_has_the_same_bytes_in_every_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
