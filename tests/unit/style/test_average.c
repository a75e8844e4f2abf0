/* test_average.c - means of outputs. */
#include "unit.h"

#include "style/average.h"

#include <string.h>

static const char *const names[] = {"style", "frames"};

static sty_view vector(const float *data, size_t n) { return (sty_view){.data = data, .rank = 1, .dim = {n}}; }

static void the_mean_is_the_sum_over_the_count(void **state) {
    const float a[] = {1, 2}, b[] = {2, 6}, c[] = {6, 1};
    sty_average *average;
    sty_view mean;
    (void)state;
    assert_int_equal(sty_average_create(1, &average, NULL), STY_OK);
    for (int i = 0; i < 3; i++) {
        const sty_view view = vector(i == 0 ? a : i == 1 ? b : c, 2);
        assert_int_equal(sty_average_add(average, names, &view, NULL), STY_OK);
    }
    sty_average_get(average, &mean);
    assert_int_equal(sty_average_count(average), 3);
    assert_int_equal(mean.rank, 1);
    assert_int_equal(mean.dim[0], 2);
    assert_true(mean.data[0] == 3.0f && mean.data[1] == 3.0f);
    sty_average_free(average);
}

static void another_shape_is_refused_and_adds_nothing(void **state) {
    const float data[] = {1, 2, 3, 4};
    sty_average *average;
    sty_view views[2], means[2];
    sty_err err;
    (void)state;
    assert_int_equal(sty_average_create(2, &average, NULL), STY_OK);
    views[0] = views[1] = vector(data, 2);
    assert_int_equal(sty_average_add(average, names, views, &err), STY_OK);
    views[1] = vector(data, 4);
    assert_int_equal(sty_average_add(average, names, views, &err), STY_BAD_ARGUMENT);
    assert_non_null(strstr(err.message, "'frames'"));
    sty_average_get(average, means);
    assert_true(means[0].data[0] == 1.0f && sty_average_count(average) == 1);
    sty_average_free(average);
}

static void after_a_reset_the_shapes_are_free_again(void **state) {
    const float data[] = {4, 2, 3};
    sty_average *average;
    sty_view view = vector(data, 2), mean;
    (void)state;
    assert_int_equal(sty_average_create(1, &average, NULL), STY_OK);
    assert_int_equal(sty_average_add(average, names, &view, NULL), STY_OK);
    sty_average_reset(average);
    assert_int_equal(sty_average_count(average), 0);
    view = vector(data, 3);
    assert_int_equal(sty_average_add(average, names, &view, NULL), STY_OK);
    sty_average_get(average, &mean);
    assert_int_equal(mean.dim[0], 3);
    assert_true(mean.data[0] == 4.0f);
    sty_average_free(average);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_mean_is_the_sum_over_the_count),
        cmocka_unit_test(another_shape_is_refused_and_adds_nothing),
        cmocka_unit_test(after_a_reset_the_shapes_are_free_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
