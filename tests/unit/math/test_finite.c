/* test_finite.c - each kind of value that is not a number, at each place of a few blocks. */
#include "math/finite.h"

#include "unit.h"

#include <float.h>
#include <math.h>

enum { MOST = 700 };

static void the_first_one_is_found_wherever_it_is(void **state) {
    static const float bad[] = {NAN, -NAN, INFINITY, -INFINITY};
    static float x[MOST];
    (void)state;
    for (size_t i = 0; i < MOST; i++)
        x[i] = i % 3 == 0 ? FLT_MAX : i % 3 == 1 ? -FLT_MAX : -0.0f;
    assert_int_equal(sty_first_nonfinite(x, 0), 0);
    assert_int_equal(sty_first_nonfinite(x, MOST), MOST);
    for (size_t i = 0; i < MOST; i++) {
        const float good = x[i];
        x[i] = bad[i % 4];
        assert_int_equal(sty_first_nonfinite(x, MOST), i);
        assert_int_equal(sty_first_nonfinite(x, i), i);
        x[i] = good;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_first_one_is_found_wherever_it_is)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
