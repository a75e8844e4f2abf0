/* The status table and error messages. */
#include "base/err.h"
#include "unit.h"

#include <string.h>

static void every_status_has_a_code_and_a_text(void **state) {
    (void)state;
    for (int i = 0; i < STY_N_STATUS; i++) {
        assert_string_not_equal(sty_status_name((sty_status)i), "unknown");
        assert_true(strlen(sty_status_text((sty_status)i)) > 0);
    }
    assert_string_equal(sty_status_name((sty_status)999), "unknown");
}

static void a_prefix_that_does_not_fit_cuts_the_message(void **state) {
    sty_err err;
    char text[600];
    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    sty_err_set(&err, STY_EMPTY, "%s", text);
    sty_err_prefix(&err, "%s", text);
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
}

static void a_null_record_is_allowed(void **state) {
    (void)state;
    assert_int_equal(sty_err_set(NULL, STY_EMPTY, "no"), STY_EMPTY);
    sty_err_prefix(NULL, "no");
}

static void a_message_is_one_line_whatever_a_file_is_called(void **state) {
    sty_err err;
    (void)state;
    sty_err_set(&err, STY_EMPTY, "'%s' is empty", "a\nb\x1b[31m\x7f");
    assert_string_equal(err.message, "'a?b?[31m?' is empty");
    sty_err_prefix(&err, "'%s': ", "c\r");
    assert_string_equal(err.message, "'c?': 'a?b?[31m?' is empty");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_a_code_and_a_text),
        cmocka_unit_test(a_prefix_that_does_not_fit_cuts_the_message),
        cmocka_unit_test(a_null_record_is_allowed),
        cmocka_unit_test(a_message_is_one_line_whatever_a_file_is_called),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
