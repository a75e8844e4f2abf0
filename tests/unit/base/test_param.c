/* Parameter tables: one reader for manifests and command lines. */
#include "base/param.h"
#include "unit.h"

#include <math.h>
#include <string.h>

typedef struct {
    int count, window, kernel[2];
    double gain, top;
    bool on;
    unsigned char order[STY_MAX_ORDER];
    char name[STY_MAX_NAME];
} settings;

static const char *const windows[] = {"hann", "none", NULL};
static const char *const steps[] = {"a", "b", "c", NULL};

static const sty_param table[] = {
    {"count", STY_PARAM_INT, offsetof(settings, count), "3", 1, 10, true, NULL, "how many"},
    {"gain", STY_PARAM_NUMBER, offsetof(settings, gain), "0.5", -1, 1, false, NULL, ""},
    {"top", STY_PARAM_NUMBER, offsetof(settings, top), "none", 0, 100, true, NULL, ""},
    {"on", STY_PARAM_BOOL, offsetof(settings, on), "true", 0, 0, false, NULL, ""},
    {"window", STY_PARAM_CHOICE, offsetof(settings, window), "hann", 0, 0, false, windows, ""},
    {"kernel", STY_PARAM_PAIR, offsetof(settings, kernel), "3", 1, 9, false, NULL, ""},
    {"order", STY_PARAM_ORDER, offsetof(settings, order), "a,b,c", 0, 0, false, steps, ""},
    {"name", STY_PARAM_NAME, offsetof(settings, name), "", 0, 0, false, NULL, ""},
};
enum { N = STY_COUNT(table) };

static settings s;
static sty_err err;

static sty_status set(const char *name, const char *text) {
    return sty_param_set_text(sty_params_find(table, N, name), &s, text, &err);
}

static int reset(void **state) {
    (void)state;
    memset(&s, 0xEE, sizeof s);
    sty_params_init(table, N, &s);
    return 0;
}

static void defaults_are_set(void **state) {
    (void)state;
    assert_int_equal(s.count, 3);
    assert_true(s.gain == 0.5 && isnan(s.top) && s.on);
    assert_int_equal(s.window, 0);
    assert_int_equal(s.kernel[0] * 10 + s.kernel[1], 33);
    assert_memory_equal(s.order, "\0\1\2", 3);
    assert_string_equal(s.name, "");
}

static void ranges_hold_at_both_ends(void **state) {
    (void)state;
    assert_int_equal(set("count", "1"), STY_OK);
    assert_int_equal(set("count", "10"), STY_OK);
    assert_int_equal(set("count", "0"), STY_BAD_ARGUMENT);
    assert_int_equal(set("count", "11"), STY_BAD_ARGUMENT);
    assert_int_equal(s.count, 10); /* a refused value changes nothing */
    assert_int_equal(set("gain", "-1"), STY_OK);
    assert_int_equal(set("gain", "1.0000001"), STY_BAD_ARGUMENT);
    assert_int_equal(set("kernel", "9,1"), STY_OK);
    assert_int_equal(s.kernel[0] * 10 + s.kernel[1], 91);
    assert_int_equal(set("kernel", "10,1"), STY_BAD_ARGUMENT);
    assert_int_equal(set("kernel", "1,0"), STY_BAD_ARGUMENT);
}

static void wrong_types_are_refused_with_value_and_expectation(void **state) {
    static const char *const bad[][2] = {
        {"count", "2.5"},   {"count", "x"},   {"count", ""},     {"count", "1e999"}, {"count", "true"}, {"count", "nan"},
        {"gain", "none"},   {"gain", "inf"},  {"gain", "0.5x"},  {"on", "1"},        {"on", "yes"},     {"window", "Hann"},
        {"window", "hann,none"}, {"kernel", "1,2,3"}, {"kernel", "1,x"}, {"order", "a,b"}, {"order", "a,b,b"},
        {"order", "a,b,c,a"}, {"order", "a,b,d"}, {"order", "a"}};
    (void)state;
    for (size_t i = 0; i < STY_COUNT(bad); i++) {
        if (set(bad[i][0], bad[i][1]) != STY_BAD_ARGUMENT) fail_msg("%s=%s was taken", bad[i][0], bad[i][1]);
        assert_non_null(strstr(err.message, bad[i][0]));
        assert_non_null(strstr(err.message, "expected"));
    }
    set("count", "11");
    assert_string_equal(err.message, "'count' is 11, expected an integer from 1 to 10, or none");
}

static void none_is_a_value_where_it_is_allowed(void **state) {
    (void)state;
    assert_int_equal(set("count", "none"), STY_OK);
    assert_int_equal(s.count, STY_NONE);
    assert_int_equal(set("top", "5"), STY_OK);
    assert_int_equal(set("top", "null"), STY_OK);
    assert_true(isnan(s.top));
    assert_int_equal(set("window", "none"), STY_OK); /* a choice of that name */
    assert_int_equal(s.window, 1);
}

static void names_have_a_longest(void **state) {
    char text[STY_MAX_NAME + 1];
    (void)state;
    memset(text, 'n', sizeof text);
    text[STY_MAX_NAME - 1] = '\0';
    assert_int_equal(set("name", text), STY_OK);
    assert_string_equal(s.name, text);
    text[STY_MAX_NAME - 1] = 'n';
    text[STY_MAX_NAME] = '\0';
    assert_int_equal(set("name", text), STY_BAD_ARGUMENT);
}

static void printing_gives_json_that_means_the_same(void **state) {
    sty_buf out = {0};
    (void)state;
    set("count", "none");
    set("order", "c,a,b");
    set("name", "a \"b\"");
    for (size_t i = 0; i < N; i++) {
        sty_param_print(&table[i], &s, &out);
        sty_buf_text(&out, i + 1 < N ? " " : "");
    }
    sty_buf_put(&out, "", 1);
    assert_string_equal(out.data, "null 0.5 null true \"hann\" [3, 3] [\"c\", \"a\", \"b\"] \"a \\\"b\\\"\"");
    sty_buf_clear(&out);
}

static void an_unknown_name_is_told_with_the_nearest(void **state) {
    (void)state;
    sty_unknown_param(table, N, "cuont", &err);
    assert_string_equal(err.message, "unknown key 'cuont', did you mean 'count'?");
    sty_unknown_param(table, N, "win", &err);
    assert_string_equal(err.message, "unknown key 'win', did you mean 'window'?");
    sty_unknown_param(table, N, "zzzzzzzz", &err);
    assert_string_equal(err.message, "unknown key 'zzzzzzzz'");
    char longest[500];
    memset(longest, 'c', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(sty_unknown_param(table, N, longest, &err), STY_BAD_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(defaults_are_set, reset),
        cmocka_unit_test_setup(ranges_hold_at_both_ends, reset),
        cmocka_unit_test_setup(wrong_types_are_refused_with_value_and_expectation, reset),
        cmocka_unit_test_setup(none_is_a_value_where_it_is_allowed, reset),
        cmocka_unit_test_setup(names_have_a_longest, reset),
        cmocka_unit_test_setup(printing_gives_json_that_means_the_same, reset),
        cmocka_unit_test_setup(an_unknown_name_is_told_with_the_nearest, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
