/* test_voices.c - scripts of texts, the table of voices, SSML. */
#include "scratch.h"
#include "speak/script.h"
#include "speak/ssml.h"
#include "speak/voices.h"
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void the_language_follows_the_letters(void **state) {
    static const char *const texts[][2] = {
        {"Good morning", "en"}, {"12 34", "en"}, {"Où est l'été?", "en"}, {"Доброе утро", "ru"}, {"Καλημέρα", "el"},
        {"שלום", "he"},         {"مرحبا", "ar"}, {"नमस्ते", "hi"},        {"早上好", "cmn"},     {"おはよう東京", "ja"},
        {"안녕", "ko"},         {"გამარჯობა", "ka"},
    };
    char language[STY_LANGUAGE_BYTES];
    (void)state;
    for (size_t i = 0; i < STY_COUNT(texts); i++) {
        assert_int_equal(sty_script_language(texts[i][0], language, NULL), STY_OK);
        assert_string_equal(language, texts[i][1]);
    }
}

static void letters_that_nobody_reads_are_an_error(void **state) {
    char language[STY_LANGUAGE_BYTES];
    sty_err err;
    (void)state;
    assert_int_equal(sty_script_language("བཀྲ་ཤིས", language, &err), STY_BAD_ARGUMENT);
    assert_non_null(strstr(err.message, "Tibetan"));
    assert_int_equal(sty_script_language("\xff\xfe", language, &err), STY_BAD_ARGUMENT);
    assert_non_null(strstr(err.message, "UTF-8"));
}

static void a_voice_must_read_half_of_the_letters(void **state) {
    sty_err err;
    (void)state;
    assert_int_equal(sty_script_check("Доброе утро", "ru", &err), STY_OK);
    assert_int_equal(sty_script_check("Доброе утро", "zle/uk", &err), STY_OK);
    assert_int_equal(sty_script_check("Доброе утро", "ru-LV", &err), STY_OK);
    assert_int_equal(sty_script_check("He said Доброе утро to all of them", "en", &err), STY_OK);
    assert_int_equal(sty_script_check("hello", "ru", &err), STY_OK); /* Latin words are read by all */
    assert_int_equal(sty_script_check("Доброе утро", "en", &err), STY_BAD_ARGUMENT);
    assert_non_null(strstr(err.message, "Cyrillic"));
    assert_non_null(strstr(err.message, "--voice ru"));
}

static const char head[] = "# made by hand\nvariant\thz\thz_low\thz_high\trange_st\trange_low\trange_high\tsyl_s\tsyl_low\tsyl_high\t"
                           "dbfs\ttilt_db_oct\thnr_db\tvoiced\n";
static const char low[] = "low\t100\t50\t200\t4\t0.2\t8\t5\t2.5\t12\t-20\t-4\t9\t0.8\n";
static const char high[] = "high\t200\t100\t400\t4\t0.2\t8\t5\t2.5\t12\t-20\t-4\t9\t0.8\n";
static const char dark[] = "dark\t100\t50\t200\t4\t0.2\t8\t5\t2.5\t12\t-20\t-12\t9\t0.8\n";

static sty_status read_table(const char *text, sty_voices *voices, sty_err *err) {
    return sty_voices_read(scratch_file("voices.tsv", text, strlen(text)), voices, err);
}

static void the_nearest_voice_is_chosen(void **state) {
    char text[1200];
    sty_voices voices;
    (void)state;
    snprintf(text, sizeof text, "%s%s%s%s", head, low, high, dark);
    assert_int_equal(read_table(text, &voices, NULL), STY_OK);
    assert_int_equal(voices.n, 3);
    assert_true(voices.variants[1].hz_high == 400);
    sty_manner m = {190, 4, 5, -20, NAN, NAN, NAN};
    assert_string_equal(sty_voices_choose(&voices, &m)->name, "high");
    m.f0_hz = 110;
    assert_string_equal(sty_voices_choose(&voices, &m)->name, "low");
    m.tilt_db_oct = -11;
    assert_string_equal(sty_voices_choose(&voices, &m)->name, "dark");
    sty_voices_clear(&voices);
}

static void a_broken_table_names_its_line(void **state) {
    char text[1200];
    sty_voices voices;
    sty_err err;
    (void)state;
    snprintf(text, sizeof text, "%s%slow\tx\n", head, low);
    assert_int_equal(read_table(text, &voices, &err), STY_BAD_ARGUMENT);
    assert_non_null(strstr(err.message, "line 4"));
    assert_non_null(strstr(err.message, "'hz' of the variant 'low' is 'x'"));
    assert_int_equal(read_table("variant\thz\n", &voices, &err), STY_BAD_ARGUMENT);
    assert_non_null(strstr(err.message, "hz_low"));
    assert_int_equal(read_table(head, &voices, &err), STY_BAD_ARGUMENT);
    assert_int_equal(read_table("", &voices, &err), STY_BAD_ARGUMENT);
}

static void ssml_is_relative_and_escaped(void **state) {
    const sty_manner own = {100, 4, 5, -20, NAN, NAN, NAN}, goal = {120, 2, 6, -23, NAN, NAN, NAN};
    const sty_manner nothing = {NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    sty_buf out = {0};
    (void)state;
    sty_ssml_write("a < b & \"c\"", "en", &own, &goal, &out);
    sty_buf_put(&out, "", 1);
    assert_non_null(strstr(out.data, "<prosody pitch=\"+20%\" range=\"-50%\" rate=\"120%\" volume=\"-3.0dB\">"));
    assert_non_null(strstr(out.data, "a &lt; b &amp; &quot;c&quot;</prosody>"));
    sty_buf_clear(&out);
    sty_ssml_write("a", "en", &nothing, &goal, &out);
    sty_buf_put(&out, "", 1);
    assert_non_null(strstr(out.data, "<prosody>a</prosody>"));
    sty_buf_clear(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_language_follows_the_letters),
        cmocka_unit_test(letters_that_nobody_reads_are_an_error),
        cmocka_unit_test(a_voice_must_read_half_of_the_letters),
        cmocka_unit_test(the_nearest_voice_is_chosen),
        cmocka_unit_test(a_broken_table_names_its_line),
        cmocka_unit_test(ssml_is_relative_and_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
