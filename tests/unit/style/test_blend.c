/* Ways between two styles. */
#include "style/blend.h"
#include "unit.h"

#include <math.h>
#include <string.h>

static const float a[3] = {1.0f, 2.0f, 2.0f}, b[3] = {-3.0f, 0.1f, 4.0f};

static void the_ends_are_exact(void **state) {
    float y[3];
    (void)state;
    sty_blend_linear(a, b, 0, 3, y);
    assert_memory_equal(y, a, sizeof y);
    sty_blend_linear(a, b, 1, 3, y);
    assert_memory_equal(y, b, sizeof y);
    sty_blend_spherical(a, b, 0, 3, y);
    assert_memory_equal(y, a, sizeof y);
    sty_blend_spherical(a, b, 1, 3, y);
    assert_memory_equal(y, b, sizeof y);
}

static void half_of_a_right_angle_is_the_diagonal(void **state) {
    const float x[2] = {2, 0}, z[2] = {0, 4};
    float y[2];
    (void)state;
    sty_blend_spherical(x, z, 0.5, 2, y);
    /* length (2 + 4) / 2, direction 45 degrees */
    assert_true(fabsf(y[0] - 3 * sqrtf(0.5f)) < 1e-6f && fabsf(y[1] - 3 * sqrtf(0.5f)) < 1e-6f);
}

static void directions_without_an_arc_are_joined_by_a_line(void **state) {
    const float x[2] = {1, 0}, opposite[2] = {-3, 0}, zero[2] = {0, 0};
    float y[2];
    (void)state;
    sty_blend_spherical(x, opposite, 0.25, 2, y);
    assert_true(y[0] == 0 && y[1] == 0);
    sty_blend_spherical(x, zero, 0.5, 2, y);
    assert_true(y[0] == 0.5f);
    sty_blend_spherical(zero, zero, 0.5, 2, y);
    assert_true(y[0] == 0 && y[1] == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ends_are_exact),
        cmocka_unit_test(half_of_a_right_angle_is_the_diagonal),
        cmocka_unit_test(directions_without_an_arc_are_joined_by_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
