/* Strict JSON: one document, one meaning. */
#include "model/json.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const sty_json_limits limits = {1000, 4, 20};
static sty_err err;

static sty_status parse_n(const char *text, size_t n, sty_json **json) {
    char *exact = malloc(n ? n : 1); /* its own block: a sanitizer sees reads behind it */
    memcpy(exact, text, n);
    const sty_status status = sty_json_parse(exact, n, &limits, json, &err);
    free(exact);
    return status;
}

static sty_json *good(const char *text) {
    sty_json *json = NULL;
    if (parse_n(text, strlen(text), &json) != STY_OK) fail_msg("%s: %s", text, err.message);
    return json;
}

static void bad(const char *text, size_t n, const char *saying) {
    sty_json *json = NULL;
    if (parse_n(text, n, &json) == STY_OK) fail_msg("taken: %s", text);
    assert_int_equal(err.status, STY_BAD_MODEL);
    assert_null(json);
    if (!strstr(err.message, saying)) fail_msg("%s: '%s' does not say '%s'", text, err.message, saying);
}

static void legal_texts_are_read(void **state) {
    static const char *const texts[] = {"{}", "[]", " [ 1 , 2 ]\r\n\t", "null", "true", "\"a\"", "-0", "0.5e-3", "1E+2",
                                        "{\"a\":{\"b\":[{}]}}", "\"\\u00e9\\n\\\\\"", "\"\\\\u0000\"", "\"\xc3\xa9\""};
    (void)state;
    for (size_t i = 0; i < STY_COUNT(texts); i++)
        sty_json_free(good(texts[i]));
}

static void what_other_readers_refuse_or_read_differently_is_refused(void **state) {
    static const char *const texts[][2] = {
        {"", "not JSON"},           {"{", "not JSON"},          {"{}x", "not JSON"},        {"{} {}", "not JSON"},
        {"{\"a\":1,}", "not JSON"}, {"[1,]", "not JSON"},       {"{a:1}", "not JSON"},      {"{\"a\" 1}", "not JSON"},
        {"007", "no number"},       {"1.", "no number"},        {".5", "not JSON"},         {"+1", "not JSON"},
        {"-", "no number"},         {"1e", "no number"},        {"1e+", "no number"},       {"0x10", "not JSON"},
        {"NaN", "not JSON"},        {"Infinity", "not JSON"},   {"nul", "not JSON"},        {"tru e", "not JSON"},
        {"1e400", "too large"},     {"[-1e400]", "[0]: the number is too large"},
        {"\"\x01\"", "control"},    {"\"\n\"", "control"},      {"[\x01 1]", "byte 1"},     {"[1\x0b]", "byte 2"},
        {"\"\\u0r0e\"", "hexadecimal"}, {"\"\\u0000\"", "NUL"},     {"\"a\\u0000b\"", "NUL"},   {"\"\xff\"", "UTF-8"},      {"\"\xc0\x80\"", "UTF-8"},
        {"\"\xed\xa0\x80\"", "UTF-8"}, {"\"\\ud800\"", "not JSON"}, {"\"\\x\"", "not JSON"}, {"\"abc", "no end"},
        {"\"abc\\", "no end"},      {"\"abc\\\"", "no end"},    {"\xef\xbb\xbf{}", "byte 0"}, {"// x\n{}", "byte 0"},
        {"{\"a\":1,\"a\":2}", "'a' occurs twice"}, {"{\"b\":{\"a\":1,\"c\":0,\"a\":2}}", "b: the key 'a' occurs twice"},
        {"{\"a\":1,\"\\u0061\":2}", "'a' occurs twice"}, {"'a'", "byte 0"},
    };
    (void)state;
    for (size_t i = 0; i < STY_COUNT(texts); i++)
        bad(texts[i][0], strlen(texts[i][0]), texts[i][1]);
    bad("{}\0", 3, "byte 2");
    bad("[1\0]", 4, "byte 2");
    bad("\"a\0b\"", 5, "control");
}

static void keys_that_differ_in_case_are_two(void **state) {
    sty_cursor c;
    (void)state;
    sty_json *json = good("{\"a\":1,\"A\":2}");
    const sty_cursor root = sty_json_root(json);
    size_t value;
    assert_true(sty_json_get(&root, "A", &c));
    assert_int_equal(sty_json_integer(&c, 0, 9, &value, &err), STY_OK);
    assert_int_equal(value, 2);
    sty_json_free(json);
}

static void limits_hold_exactly(void **state) {
    char text[1200];
    (void)state;
    sty_json_free(good("[[[[]]]]"));
    bad("[[[[[]]]]]", 10, "nested deeper than 4");
    sty_json_free(good("[1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0]"));
    bad("[1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1]", 43, "more than 20");
    memset(text, ' ', sizeof text);
    memcpy(text, "{}", 2);
    sty_json *json = NULL;
    assert_int_equal(parse_n(text, 1000, &json), STY_OK);
    sty_json_free(json);
    bad(text, 1001, "1001 bytes of JSON, the limit is 1000");
}

static void a_million_levels_and_values_are_refused_at_once(void **state) {
    enum { N = 1000000 };
    static const sty_json_limits wide = {2 * N, 32, 1000};
    char *text = malloc(N);
    sty_json *json = NULL;
    (void)state;
    memset(text, '[', N);
    assert_int_equal(sty_json_parse(text, N, &wide, &json, &err), STY_BAD_MODEL);
    assert_non_null(strstr(err.message, "nested deeper than 32"));
    for (size_t i = 1; i < N; i++)
        text[i] = i % 2 ? '0' : ',';
    sty_mem_fail_at(SIZE_MAX, false);
    assert_int_equal(sty_json_parse(text, N, &wide, &json, &err), STY_BAD_MODEL);
    assert_int_equal(sty_mem_fail_at(0, false), 0); /* refused before anything is allocated */
    assert_non_null(strstr(err.message, "more than 1000 JSON values"));
    free(text);
}

static void every_prefix_and_every_byte_of_a_text_does_no_harm(void **state) {
    static const char text[] = "{\"a\": [1, -2.5e3, true, null], \"b\": {\"c\": \"\\u00e9\\n\xc3\xa9\"}}";
    sty_json *json = NULL;
    char changed[sizeof text];
    (void)state;
    for (size_t n = 0; n < sizeof text - 1; n++)
        bad(text, n, "");
    for (size_t at = 0; at < sizeof text - 1; at++)
        for (int value = 0; value < 256; value++) {
            memcpy(changed, text, sizeof text);
            changed[at] = (char)value;
            if (parse_n(changed, sizeof text - 1, &json) == STY_OK) sty_json_free(json);
        }
}

static void errors_name_the_way_from_the_root(void **state) {
    static const char *const keys[] = {"name", "kernel", NULL};
    sty_cursor layers, layer, c;
    size_t value;
    (void)state;
    sty_json *json = good("{\"layers\":[{},{\"kernel\":2.5,\"kernal\":1}]}");
    const sty_cursor root = sty_json_root(json);
    assert_true(sty_json_get(&root, "layers", &layers));
    assert_int_equal(sty_json_count(&layers), 2);
    assert_true(sty_json_first(&layers, &layer));
    assert_int_equal(sty_json_need(&layer, "name", &c, &err), STY_BAD_MODEL);
    assert_string_equal(err.message, "layers[0]: the key 'name' is missing");
    assert_true(sty_json_next(&layer));
    assert_true(sty_json_get(&layer, "kernel", &c));
    assert_int_equal(sty_json_integer(&c, 1, 9, &value, &err), STY_BAD_MODEL);
    assert_string_equal(err.message, "layers[1].kernel: is 2.5, expected an integer from 1 to 9");
    assert_int_equal(sty_json_only(&layer, keys, &err), STY_BAD_MODEL);
    assert_string_equal(err.message, "layers[1]: unknown key 'kernal', did you mean 'kernel'?");
    assert_false(sty_json_next(&layer));
    assert_int_equal(sty_json_text(&layers, &(const char *){NULL}, &err), STY_BAD_MODEL);
    assert_string_equal(err.message, "layers: is a list, expected a text");
    sty_json_free(json);
}

static void integers_beyond_a_double_are_refused(void **state) {
    sty_cursor c;
    size_t value;
    (void)state;
    sty_json *json = good("[9007199254740991,9007199254740993,-1,-0]");
    const sty_cursor root = sty_json_root(json);
    assert_true(sty_json_first(&root, &c));
    assert_int_equal(sty_json_integer(&c, 0, STY_JSON_MAX_INTEGER, &value, &err), STY_OK);
    assert_true(value == 9007199254740991u);
    sty_json_next(&c);
    assert_int_equal(sty_json_integer(&c, 0, STY_JSON_MAX_INTEGER, &value, &err), STY_BAD_MODEL);
    sty_json_next(&c);
    assert_int_equal(sty_json_integer(&c, 0, STY_JSON_MAX_INTEGER, &value, &err), STY_BAD_MODEL);
    sty_json_next(&c);
    assert_int_equal(sty_json_integer(&c, 0, STY_JSON_MAX_INTEGER, &value, &err), STY_OK);
    assert_int_equal(value, 0);
    sty_json_free(json);
}

static void canonical_text_does_not_depend_on_the_formatting(void **state) {
    static const char *const texts[] = {"{\"b\": [1.0, 2e0, \"\\u0061\"], \"a\": null}", "{\"a\":null,\"b\":[1,2,\"a\"]}"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        sty_buf out = {0};
        sty_json *json = good(texts[i]);
        const sty_cursor root = sty_json_root(json);
        sty_json_canonical(&root, &out);
        sty_buf_put(&out, "", 1);
        assert_string_equal(out.data, texts[1]);
        sty_buf_clear(&out);
        sty_json_free(json);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(legal_texts_are_read),
        cmocka_unit_test(what_other_readers_refuse_or_read_differently_is_refused),
        cmocka_unit_test(keys_that_differ_in_case_are_two),
        cmocka_unit_test(limits_hold_exactly),
        cmocka_unit_test(a_million_levels_and_values_are_refused_at_once),
        cmocka_unit_test(every_prefix_and_every_byte_of_a_text_does_no_harm),
        cmocka_unit_test(errors_name_the_way_from_the_root),
        cmocka_unit_test(integers_beyond_a_double_are_refused),
        cmocka_unit_test(canonical_text_does_not_depend_on_the_formatting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
