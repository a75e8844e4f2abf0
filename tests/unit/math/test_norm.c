/* Layer, group and instance norm against a plain float64 twin, on every path. */
#include "math/norm.h"
#include "unit.h"

#include "paths.h"
#include "random.h"

#include <math.h>
#include <string.h>

enum { MOST = 4000 };

static float x[MOST], have[MOST], gain[MOST], shift[MOST];

static void fill(size_t n, size_t c) {
    for (size_t i = 0; i < n * c; i++)
        x[i] = have[i] = (float)(random_between(-1, 1) + 3 * sin((double)(i % c))); /* means far from 0 */
    random_fill(gain, c);
    random_fill(shift, c);
}

/* One set of values [first, first + width) of positions [begin, end) as they should be. */
static void compare(size_t begin, size_t end, size_t c, size_t first, size_t width, int affine) {
    const double count = (double)(end - begin) * (double)width;
    double mean = 0, variance = 0;
    for (size_t i = begin; i < end; i++)
        for (size_t j = first; j < first + width; j++)
            mean += (double)x[i * c + j] / count;
    for (size_t i = begin; i < end; i++)
        for (size_t j = first; j < first + width; j++)
            variance += ((double)x[i * c + j] - mean) * ((double)x[i * c + j] - mean) / count;
    for (size_t i = begin; i < end; i++)
        for (size_t j = first; j < first + width; j++) {
            double want = ((double)x[i * c + j] - mean) / sqrt(variance + 1e-5);
            if (affine) want = want * (double)gain[j] + (double)shift[j];
            /* two roundings of values of a few units */
            if (!(fabs((double)have[i * c + j] - want) < 2e-6 * (1 + fabs(want))))
                fail_msg("%zu positions, %zu channels, width %zu: element %zu of %zu is %.9g, float64 says %.9g",
                         end - begin, c, width, j, i, (double)have[i * c + j], want);
        }
}

static void check_layer_norm(void) {
    static const size_t widths[] = {1, 2, 3, 16, 33, 513};
    for (size_t k = 0; k < sizeof widths / sizeof *widths; k++)
        for (int affine = 0; affine < 2; affine++) {
            const size_t n = 5, c = widths[k];
            fill(n, c);
            sty_layer_norm_run(affine ? have : x, n, c, 1e-5f, affine ? gain : NULL, affine ? shift : NULL, have);
            for (size_t i = 0; i < n; i++)
                compare(i, i + 1, c, 0, c, affine);
        }
}

static void layer_norm_agrees_with_float64(void **state) {
    (void)state;
    on_every_path(check_layer_norm);
}

static void check_group_norm(void) {
    static const size_t cases[][2] = {{1, 1}, {8, 8}, {16, 1}, {16, 16}, {21, 21}, {24, 8},
                                      {40, 8}, {64, 2}, {70, 2}, {100, 100}, {96, 1}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        for (int affine = 0; affine < 2; affine++) {
            const size_t n = 37, c = cases[k][0], groups = cases[k][1];
            fill(n, c);
            sty_group_norm_run(have, n, c, groups, 1e-5f, affine ? gain : NULL, affine ? shift : NULL, have);
            for (size_t g = 0; g < groups; g++)
                compare(0, n, c, g * (c / groups), c / groups, affine);
        }
}

static void group_and_instance_norm_agree_with_float64(void **state) {
    (void)state;
    on_every_path(check_group_norm);
}

static void check_offset(void) {
    const size_t n = 50, c = 16;
    for (size_t i = 0; i < n * c; i++)
        x[i] = have[i] = 1000.0f + (float)random_between(-0.5, 0.5);
    sty_group_norm_run(have, n, c, c, 1e-5f, NULL, NULL, have);
    for (size_t j = 0; j < c; j++)
        compare(0, n, c, j, 1, 0);
}

static void a_large_mean_costs_no_digits(void **state) {
    (void)state;
    on_every_path(check_offset);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layer_norm_agrees_with_float64),
        cmocka_unit_test(group_and_instance_norm_agree_with_float64),
        cmocka_unit_test(a_large_mean_costs_no_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
