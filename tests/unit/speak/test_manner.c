/* test_manner.c - rate, level and goals by numbers worked out by hand. */
#include "speak/fit.h"
#include "unit.h"

#include <math.h>
#include <string.h>

static void near(double got, double want, double tolerance) { assert_true(fabs(got - want) <= tolerance); }

static void rate_is_one_over_the_mean_distance_without_pauses(void **state) {
    /* distances 0.2 0.2 0.3 and 1 s, of which what is over 2.2 times the median of 0.25 is pause */
    static const double times[] = {0.1, 0.3, 0.5, 1.5, 1.8};
    double rate;
    (void)state;
    assert_int_equal(sty_manner_rate(times, 5, &rate, NULL), STY_OK);
    near(rate, 4 / (0.7 + 2.2 * 0.25), 1e-9);
}

static void rate_needs_three_distances(void **state) {
    static const double times[] = {0.1, 0.3, 0.5, 0.51};
    double rate;
    (void)state;
    for (size_t n = 0; n <= 4; n++) {
        assert_int_equal(sty_manner_rate(times, n, &rate, NULL), STY_OK);
        assert_true(isnan(rate));
    }
}

static void level_leaves_pauses_out(void **state) {
    float x[32000] = {0};
    double level;
    (void)state;
    /* a square wave of 0.1 for half the time */
    for (size_t i = 0; i < 16000; i++)
        x[i] = i / 50 % 2 ? 0.1f : -0.1f;
    assert_int_equal(sty_manner_level(x, 32000, 16000, &level, NULL), STY_OK);
    /* one frame at the edge holds a third of the power: 1 of 101 */
    near(level, -20, 0.05);
    assert_int_equal(sty_manner_level(x, 0, 16000, &level, NULL), STY_OK);
    assert_true(level < -200);
}

static void speaking_time_holds_closures_and_no_pauses(void **state) {
    float x[32000] = {0};
    sty_speechlike facts;
    sty_manner m;
    (void)state;
    /* sounding 0.2 to 0.7, 0.8 to 1.2 and 1.5 to 1.6 s: a closure of 0.1 s, a pause of 0.3 s */
    for (size_t i = 0; i < 32000; i++) {
        const double t = (double)i / 16000;
        if ((t >= 0.2 && t < 0.7) || (t >= 0.8 && t < 1.2) || (t >= 1.5 && t < 1.6)) x[i] = i / 50 % 2 ? 0.1f : -0.1f;
    }
    assert_int_equal(sty_manner_measure(x, 32000, 16000, &m, &facts, NULL), STY_OK);
    near(facts.speaking_s, 1.1, 0.041); /* levels are means of three frames: one more at each of four edges */
}

static void silence_has_no_pitch_and_is_not_voiced(void **state) {
    float x[16000] = {0};
    sty_speechlike facts;
    sty_manner m;
    (void)state;
    assert_int_equal(sty_manner_measure(x, 16000, 16000, &m, &facts, NULL), STY_OK);
    assert_true(isnan(m.f0_hz) && isnan(m.range_st) && isnan(m.rate_syl_s));
    near(facts.voiced, 0, 0);
    near(facts.runs_s, 0, 0);
}

static void strength_goes_from_the_voice_to_the_reference(void **state) {
    const sty_manner own = {100, 4, 5, -20, NAN, NAN, NAN}, reference = {200, 8, NAN, -30, -5, 10, 0.8};
    sty_change none = sty_change_none();
    (void)state;
    sty_manner goal = sty_fit_goal(&own, &reference, 0, &none);
    assert_true(goal.f0_hz == 100 && goal.range_st == 4 && goal.rate_syl_s == 5 && goal.level_dbfs == -20);
    goal = sty_fit_goal(&own, &reference, 0.5, &none);
    near(goal.f0_hz, 100 * sqrt(2), 1e-9);
    near(goal.range_st, 6, 1e-9);
    near(goal.rate_syl_s, 5, 0); /* the reference does not know it */
    near(goal.level_dbfs, -25, 1e-9);
    goal = sty_fit_goal(&own, &reference, 1, &none);
    near(goal.f0_hz, 200, 1e-9);
}

static void changes_come_on_top(void **state) {
    const sty_manner own = {100, 4, 5, -20, NAN, NAN, NAN};
    sty_change change = sty_change_none();
    (void)state;
    change.f0_factor = 1.5;
    change.range_st = 2;
    change.level_db = -3;
    const sty_manner goal = sty_fit_goal(&own, &own, 1, &change);
    near(goal.f0_hz, 150, 1e-9);
    near(goal.range_st, 2, 0);
    near(goal.rate_syl_s, 5, 0);
    near(goal.level_dbfs, -23, 1e-9);
}

static void large_ranges_are_narrowed_and_keep_their_order(void **state) {
    (void)state;
    near(sty_fit_range(3.5, 9), 3.5, 0);
    for (double st = 0; st < 30; st += 0.5) {
        assert_true(sty_fit_range(st + 0.5, 9) > sty_fit_range(st, 9));
        assert_true(sty_fit_range(st, 9) <= st && sty_fit_range(st, 9) < 9);
    }
    assert_true(isnan(sty_fit_range(NAN, 9)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rate_is_one_over_the_mean_distance_without_pauses),
        cmocka_unit_test(rate_needs_three_distances),
        cmocka_unit_test(level_leaves_pauses_out),
        cmocka_unit_test(speaking_time_holds_closures_and_no_pauses),
        cmocka_unit_test(silence_has_no_pitch_and_is_not_voiced),
        cmocka_unit_test(strength_goes_from_the_voice_to_the_reference),
        cmocka_unit_test(changes_come_on_top),
        cmocka_unit_test(large_ranges_are_narrowed_and_keep_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
