/* The scanner of lists: it takes and refuses what the strict JSON reader does, and finds the same values. */
#include "unit.h"

#include "corpus/scan.h"
#include "random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const sty_json_limits limits = {1u << 20, 32, 100000};
static sty_scan scan;

static const char *const seeds[] = {
    "{\"audio_filepath\":\"/d/a b.wav\",\"duration\":1.25,\"offset\":0,\"text\":\"x \\\"y\\\" \\u00e9\\ud83d\\ude00\",\"k\":null}",
    "[{\"a\":[1,2,{\"b\":[]}],\"c\":{}},true,false,null,-0,1e3,0.5E-2,\"\",12345678901234567890]",
    "{\"id\":\"c\",\"start\":1.5,\"supervisions\":[{\"custom\":{\"snr\":12.5}}],\"type\":\"MonoCut\"}",
    " { \"\xC3\xA9\" : \"\xE2\x82\xAC\" , \"\\u00e8\" : [ 1 , 2 ] }\n",
    "{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9,\"j\":1,\"k\":2,\"l\":3,\"m\":4,\"n\":5,\"o\":6,\"p\":7,\"q\":8,\"r\":9}",
    "\"text\"", "-12.75", "true", "[[[[[[[[]]]]]]]]",
};

static void same_values(const sty_scan_value *v, const sty_cursor *c) {
    sty_buf text = {0};
    if (sty_json_is_object(c) || sty_json_is_list(c)) {
        assert_int_equal(v->kind, sty_json_is_object(c) ? STY_SCAN_OBJECT : STY_SCAN_LIST);
        assert_int_equal(v->n_children, sty_json_count(c));
        sty_cursor child;
        const sty_scan_value *mine = sty_scan_first(&scan, v);
        for (bool more = sty_json_first(c, &child); more; more = sty_json_next(&child), mine = sty_scan_next(&scan, v, mine)) {
            assert_non_null(mine);
            if (child.key) {
                assert_true(sty_scan_key(&scan, mine, &text));
                assert_string_equal(text.data, child.key);
                assert_ptr_equal(sty_scan_get(&scan, v, child.key), mine);
            }
            same_values(mine, &child);
        }
        assert_null(mine);
    } else if (sty_scan_scalar(&scan, v, &text)) {
        const char *string;
        double number;
        if (sty_json_text(c, &string, NULL) == STY_OK) assert_string_equal(text.data, string);
        else if (sty_json_number(c, &number, NULL) == STY_OK) assert_true(fabs(strtod(text.data, NULL) - number) <= 0);
        else assert_true(strcmp(text.data, "true") == 0 || strcmp(text.data, "false") == 0);
    } else assert_int_equal(v->kind, STY_SCAN_NULL);
    sty_buf_clear(&text);
}

static bool compare(const char *text, size_t n) {
    sty_json *json = NULL;
    sty_err mine, other;
    const sty_status a = sty_scan_text(&scan, text, n, &limits, &mine), b = sty_json_parse(text, n, &limits, &json, &other);
    if ((a == STY_OK) != (b == STY_OK))
        fail_msg("'%.*s': the scanner says '%s', the reader '%s'", (int)n, text, a == STY_OK ? "ok" : mine.message,
                 b == STY_OK ? "ok" : other.message);
    if (a == STY_OK) {
        const sty_cursor root = sty_json_root(json);
        same_values(scan.values, &root);
        sty_json_free(json);
    }
    return a == STY_OK;
}

static void whole_texts_are_read_alike(void **state) {
    (void)state;
    for (size_t i = 0; i < STY_COUNT(seeds); i++)
        assert_true(compare(seeds[i], strlen(seeds[i])));
}

static void what_is_no_strict_json_is_refused_by_both(void **state) {
    static const char *const wrong[] = {
        "", " ", "{", "}", "[1,]", "[,1]", "{\"a\":1,}", "{\"a\"}", "{\"a\":}", "{a:1}", "{1:2}", "[1 2]", "[1}", "{\"a\":1]",
        "007", "1.", ".5", "+1", "-", "1e", "1e+", "1e400", "-1e999", "nul", "truefalse", "True", "NaN", "Infinity", "1 1", "{}{}", "{} x",
        "\"\\u0000\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"\\x\"", "\"\\u12\"", "\"\t\"", "\"a", "\"\xFF\"", "\"\xC0\x80\"",
        "\"\xED\xA0\x80\"", "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "'a'", "\xEF\xBB\xBF{}", "/* */ 1", "\v1",
        "{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9,\"j\":1,\"k\":2,\"l\":3,\"m\":4,\"n\":5,\"o\":6,\"p\":7,\"q\":8,\"a\":9}",
    };
    (void)state;
    for (size_t i = 0; i < STY_COUNT(wrong); i++)
        if (compare(wrong[i], strlen(wrong[i]))) fail_msg("'%s' was taken", wrong[i]);
    assert_false(compare("[1\0]", 4));
}

static void nesting_and_values_have_limits(void **state) {
    char deep[101];
    const sty_json_limits few = {1u << 20, 32, 10};
    (void)state;
    memset(deep, '[', 50);
    memset(deep + 50, ']', 50);
    assert_false(compare(deep, 100));
    assert_true(compare(deep + 18, 64)); /* 32 levels */
    assert_int_equal(sty_scan_text(&scan, "[1,2,3,4,5,6,7,8,9,10,11]", 25, &few, NULL), STY_BAD_ARGUMENT);
}

static void changed_texts_are_judged_alike(void **state) {
    static const char bytes[] = "{}[]\",:\\u0123456789eE+-.truefalsn \t\n\x01\x7F\xC3\xA9\xFF";
    char text[400];
    size_t n_good = 0;
    (void)state;
    for (int round = 0; round < 60000; round++) {
        const char *seed = seeds[random_below(STY_COUNT(seeds))];
        size_t n = strlen(seed);
        memcpy(text, seed, n);
        for (size_t changes = 1 + random_below(3); changes > 0; changes--) {
            const size_t at = random_below(n), how = random_below(3);
            if (how == 0) text[at] = bytes[random_below(sizeof bytes - 1)];
            else if (how == 1 && n > 1) memmove(text + at, text + at + 1, --n - at);
            else {
                memmove(text + at + 1, text + at, n - at);
                text[at] = bytes[random_below(sizeof bytes - 1)];
                n++;
            }
        }
        n_good += compare(text, n);
    }
    assert_in_range(n_good, 100, 59000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_texts_are_read_alike),
        cmocka_unit_test(what_is_no_strict_json_is_refused_by_both),
        cmocka_unit_test(nesting_and_values_have_limits),
        cmocka_unit_test(changed_texts_are_judged_alike),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sty_scan_clear(&scan);
    return failed;
}
