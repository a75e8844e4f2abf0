/* Growing buffers, JSON text and numbers, the host program's locale. */
#define _GNU_SOURCE
#include "base/buf.h"
#include "base/locale_c.h"
#include "random.h"
#include "scratch.h"
#include "unit.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void expect(sty_buf *buf, const char *text) {
    sty_buf_put(buf, "", 1);
    assert_false(buf->failed);
    assert_string_equal(buf->data, text);
    buf->length = 0;
}

static void puts_of_any_size_add_up(void **state) {
    sty_buf buf = {0};
    size_t n = 0;
    (void)state;
    for (size_t i = 0; i < 2000; i++) {
        sty_buf_printf(&buf, "%zu,", i);
        n += (size_t)snprintf(NULL, 0, "%zu,", i);
    }
    assert_int_equal(buf.length, n);
    assert_memory_equal(buf.data + n - 5, "1999,", 5);
    sty_buf_clear(&buf);
    assert_null(buf.data);
}

static void a_buffer_that_could_not_grow_stays_failed(void **state) {
    sty_buf buf = {0};
    char many[300] = {0};
    (void)state;
    sty_buf_text(&buf, "abc");
    sty_mem_fail_at(1, false);
    sty_buf_put(&buf, many, sizeof many);
    sty_mem_fail_at(0, false);
    assert_true(buf.failed);
    sty_buf_text(&buf, "def");
    sty_buf_printf(&buf, "%d", 1);
    assert_null(sty_buf_extend(&buf, 1));
    assert_int_equal(buf.length, 3);
    sty_buf_clear(&buf);
}

static void json_texts_are_escaped(void **state) {
    sty_buf buf = {0};
    (void)state;
    sty_buf_json(&buf, "a\"b\\c\n\t\x01\x7f");
    expect(&buf, "\"a\\\"b\\\\c\\u000a\\u0009\\u0001\\u007f\"");
    sty_buf_json(&buf, "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
    expect(&buf, "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"");
    sty_buf_clear(&buf);
}

static void bytes_that_are_no_utf8_become_replacement_characters(void **state) {
    static const char *const bad[] = {"\x80",     "\xc0\x80",         "\xc1\xbf",         "\xe0\x80\x80",
                                      "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
                                      "\xe2\x82", "\xff"};
    sty_buf buf = {0};
    (void)state;
    for (size_t i = 0; i < STY_COUNT(bad); i++) {
        assert_int_equal(sty_utf8_length(bad[i], strlen(bad[i])), 0);
        sty_buf_json(&buf, bad[i]);
        sty_buf_put(&buf, "", 1);
        assert_memory_equal(buf.data, "\"\\ufffd", 7);
        for (size_t k = 0; k + 1 < buf.length; k++)
            assert_in_range((unsigned char)buf.data[k], 0x20, 0x7E);
        buf.length = 0;
    }
    sty_buf_clear(&buf);
}

static void floats_read_back_as_the_same_bits(void **state) {
    sty_buf buf = {0};
    (void)state;
    for (int i = 0; i < 200000; i++) {
        const uint32_t bits = (uint32_t)(random_bits() >> 32);
        float value, back;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value)) continue;
        sty_buf_json_float(&buf, value);
        sty_buf_put(&buf, "", 1);
        back = strtof(buf.data, NULL);
        assert_memory_equal(&back, &value, sizeof value);
        buf.length = 0;
    }
    sty_buf_clear(&buf);
}

static void floats_are_printed_as_printf_does(void **state) {
    static const float some[] = {0, -0.0f, 1, -1, 0.5f, 1e-4f, 9.99999999e-5f, 1e9f, 999999936.0f, 123456792, 0.1f, 100, 1e8f, 99999992, 0.001f, 0.00099999999f};
    char want[32];
    sty_buf buf = {0};
    (void)state;
    for (size_t i = 0; i < 400000; i++) {
        float value;
        uint32_t bits = (uint32_t)(random_bits() >> 32);
        if (i % 4) bits = (bits & 0x807FFFFF) | (uint32_t)(110 + random_below(50)) << 23; /* 7e-6 to 7e9 */
        if (i % 4 == 3) bits &= 0xFFFF8000; /* few digits, ties */
        memcpy(&value, &bits, sizeof value);
        if (i < sizeof some / sizeof *some) value = some[i];
        if (!isfinite(value)) continue;
        snprintf(want, sizeof want, "%.9g", (double)value);
        sty_buf_json_float(&buf, value);
        sty_buf_put(&buf, "", 1);
        assert_string_equal(buf.data, want);
        buf.length = 0;
    }
    sty_buf_clear(&buf);
}

static void arrays_nest_as_their_axes(void **state) {
    const float x[] = {1, 2.5f, -3, 0.1f, 5, 6};
    sty_buf buf = {0};
    (void)state;
    sty_buf_json_array(&buf, x, 1, (const size_t[]){3});
    expect(&buf, "[1,2.5,-3]");
    sty_buf_json_array(&buf, x, 2, (const size_t[]){3, 2});
    expect(&buf, "[[1,2.5],[-3,0.100000001],[5,6]]");
    sty_buf_json_array(&buf, x, 3, (const size_t[]){1, 2, 3});
    expect(&buf, "[[[1,2.5,-3],[0.100000001,5,6]]]");
    sty_buf_clear(&buf);
}

/* A locale with a decimal comma, made for this test: machines seldom have one. */
static void choose_a_comma(void) {
    static const char source[] = "comment_char %\nescape_char /\nLC_NUMERIC\ndecimal_point \",\"\n"
                                 "thousands_sep \"\"\ngrouping -1\nEND LC_NUMERIC\nLC_CTYPE\nEND LC_CTYPE\n";
    char command[9000];
    const char *path = scratch_file("comma.src", source, sizeof source - 1);
    snprintf(command, sizeof command, "localedef -c --no-archive -i '%s' '%s' 2>/dev/null", path, scratch_path("comma"));
    if (system(command) == -1) fail();
    setenv("LOCPATH", scratch_path("."), 1);
    if (!setlocale(LC_NUMERIC, "comma")) fail_msg("localedef made no locale");
}

static void numbers_have_a_point_in_every_locale(void **state) {
    char text[32], *end;
    sty_buf buf = {0};
    (void)state;
    choose_a_comma();
    snprintf(text, sizeof text, "%g", 0.5);
    assert_string_equal(text, "0,5"); /* the locale works */
    sty_buf_json_float(&buf, 0.5f);
    expect(&buf, "0.5");
    sty_buf_printf(&buf, "%g", 0.25);
    expect(&buf, "0.25");
    assert_true(sty_strtod("0.125x", &end) == 0.125);
    assert_string_equal(end, "x");
    snprintf(text, sizeof text, "%g", 0.5);
    assert_string_equal(text, "0,5"); /* and is the host's again */
    setlocale(LC_NUMERIC, "C");
    sty_buf_clear(&buf);
}

static void seconds_and_counts_are_printed_as_printf_does(void **state) {
    static const double some[] = {0, -0.0, -1.5, 1, 0.5, 0.1, 0.09999999999, 0.99999999995, 9.9999999995, 1.0000453515, 1e9, 999999999.95, 999999999.5, 123456789.05, 2.5, 1e-5};
    char want[64];
    sty_buf buf = {0};
    (void)state;
    for (size_t i = 0; i < 300000; i++) {
        const size_t samples = random_below(i % 2 ? 500000000 : 200000);
        const double seconds = i < sizeof some / sizeof *some ? some[i] : i % 5 ? (double)samples / (i % 3 ? 22050 : 16000) : (double)samples / 1e5 + 0.5e-9;
        snprintf(want, sizeof want, "%.10g %zu", seconds, samples);
        sty_buf_seconds(&buf, seconds);
        sty_buf_text(&buf, " ");
        sty_buf_count(&buf, samples);
        sty_buf_put(&buf, "", 1);
        assert_string_equal(buf.data, want);
        buf.length = 0;
    }
    sty_buf_clear(&buf);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(puts_of_any_size_add_up),
        cmocka_unit_test(a_buffer_that_could_not_grow_stays_failed),
        cmocka_unit_test(json_texts_are_escaped),
        cmocka_unit_test(bytes_that_are_no_utf8_become_replacement_characters),
        cmocka_unit_test(floats_read_back_as_the_same_bits),
        cmocka_unit_test(floats_are_printed_as_printf_does),
        cmocka_unit_test(seconds_and_counts_are_printed_as_printf_does),
        cmocka_unit_test(arrays_nest_as_their_axes),
        cmocka_unit_test(numbers_have_a_point_in_every_locale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
