/* test_voice_file.c - voices of espeak-ng joined into one file. */
#include "scratch.h"
#include "base/param.h"
#include "speak/voice_file.h"
#include "unit.h"

#include <string.h>
#include <sys/stat.h>

static const char language[] = "name Test\nlanguage tt\npitch 95 175\nformant 1 98 100 100\nstressRule 5 12";
static const char variant[] = "language variant\nname female\r\npitch  142 220 // higher\nroughness 3\n";

/* A data folder with a language and a variant; its path. */
static const char *data_folder(void) {
    static char folder[512];
    snprintf(folder, sizeof folder, "%s", scratch_file("mark", "", 0));
    *strrchr(folder, '/') = '\0';
    static const char *const below[] = {"lang", "lang/tst", "voices", "voices/!v"};
    char path[600];
    for (size_t i = 0; i < STY_COUNT(below); i++) {
        snprintf(path, sizeof path, "%s/%s", folder, below[i]);
        mkdir(path, 0700);
    }
    scratch_file("lang/tst/tt", language, strlen(language));
    scratch_file("voices/!v/f9", variant, strlen(variant));
    scratch_file("voices/plain", "name Plain\nlanguage pl\n", 23);
    return folder;
}

static bool holds(const sty_voice_file *file, const char *words) {
    char text[1024];
    snprintf(text, sizeof text, "%.*s", (int)file->text.length, file->text.data);
    return strstr(text, words) != NULL;
}

static void a_language_is_read_as_it_is(void **state) {
    sty_voice_file file = {0};
    (void)state;
    assert_true(sty_voice_file_read(data_folder(), "tst/tt", &file));
    assert_true(file.low == 95 && file.high == 175);
    assert_true(holds(&file, "formant 1 98 100 100\nstressRule 5 12\n"));
    sty_voice_file_clear(&file);
    assert_true(sty_voice_file_read(data_folder(), "plain", &file));
    assert_true(file.low == 80 && file.high == 118);
    sty_voice_file_clear(&file);
}

static void a_variant_takes_the_tone_of_its_language_away(void **state) {
    sty_voice_file file = {0};
    (void)state;
    assert_true(sty_voice_file_read(data_folder(), "tst/tt+f9", &file));
    assert_true(file.low == 142 && file.high == 220);
    assert_true(holds(&file, "language tt\nstressRule 5 12\n") && holds(&file, "roughness 3\n"));
    assert_false(holds(&file, "formant 1") || holds(&file, "95 175"));
    sty_voice_file_clear(&file);
}

static void another_melody_is_the_last_word(void **state) {
    sty_voice_file file = {0};
    char text[1024];
    FILE *to = tmpfile();
    (void)state;
    assert_true(to && sty_voice_file_read(data_folder(), "tst/tt+f9", &file));
    assert_true(sty_voice_file_write(&file, -20, 300, to));
    text[fread(text, 1, sizeof text - 1, to)] = '\0';
    assert_string_equal(strrchr(text, 'p'), "pitch -20 300\n");
    fclose(to);
    sty_voice_file_clear(&file);
}

static void files_that_are_not_there_are_told(void **state) {
    sty_voice_file file = {0};
    (void)state;
    assert_false(sty_voice_file_read(data_folder(), "tst/none", &file));
    assert_false(sty_voice_file_read(data_folder(), "tst/tt+none", &file));
    assert_int_equal(file.text.length, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_language_is_read_as_it_is),
        cmocka_unit_test(a_variant_takes_the_tone_of_its_language_away),
        cmocka_unit_test(another_melody_is_the_last_word),
        cmocka_unit_test(files_that_are_not_there_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
