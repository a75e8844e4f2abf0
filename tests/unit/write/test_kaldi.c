/* Kaldi archives, byte for byte. */
#define _GNU_SOURCE
#include "unit.h"

#include "write/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[256];
static sty_err err;

static void write_two(const char *specifier) {
    static const float vector[] = {1, 2}, matrix[] = {1, 2, 3, 4};
    const sty_field one = {.name = "style", .view = {vector, 1, {2}}}, two = {.name = "style", .view = {matrix, 2, {2, 2}}};
    const sty_record first = {.id = "utt1", .path = "a", .fields = &one, .n_fields = 1};
    const sty_record second = {.id = "utt2", .path = "b", .fields = &two, .n_fields = 1};
    const sty_record failed = {.id = "utt3", .path = "c", .status = STY_EMPTY, .message = "no samples"};
    sty_writer *writer = NULL;
    if (sty_writer_open(specifier, NULL, true, &writer, &err) != STY_OK) fail_msg("%s", err.message);
    assert_int_equal(sty_writer_put(writer, &first, &err), STY_OK);
    assert_int_equal(sty_writer_put(writer, &failed, &err), STY_OK);
    assert_int_equal(sty_writer_put(writer, &second, &err), STY_OK);
    if (sty_writer_close(writer, &err) != STY_OK) fail_msg("%s", err.message);
}

static void expect_file(const char *name, const void *content, size_t n) {
    char path[400], got[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    const size_t length = fread(got, 1, sizeof got, f);
    fclose(f);
    assert_int_equal(length, n);
    assert_memory_equal(got, content, n);
}

static void a_binary_archive_has_kaldis_bytes_and_its_index_points_behind_the_keys(void **state) {
    (void)state;
    static const unsigned char golden[] = {
        0x75, 0x74, 0x74, 0x31, 0x20, 0x00, 0x42, 0x46, 0x56, 0x20, 0x04, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x80, 0x3f, 0x00,
        0x00, 0x00, 0x40, 0x75, 0x74, 0x74, 0x32, 0x20, 0x00, 0x42, 0x46, 0x4d, 0x20, 0x04, 0x02, 0x00, 0x00, 0x00, 0x04, 0x02,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x80, 0x3f, 0x00, 0x00, 0x00, 0x40, 0x00, 0x00, 0x40, 0x40, 0x00, 0x00, 0x80, 0x40};
    char specifier[700], index[700];
    snprintf(specifier, sizeof specifier, "ark,scp:%s/a.ark,%s/a.scp", folder, folder);
    write_two(specifier);
    expect_file("a.ark", golden, sizeof golden);
    snprintf(index, sizeof index, "utt1 %s/a.ark:5\nutt2 %s/a.ark:28\n", folder, folder);
    expect_file("a.scp", index, strlen(index));
}

static void text_numbers_have_a_point_so_that_no_reader_takes_them_for_integers(void **state) {
    (void)state;
    static const char text[] = "utt1  [ 1.0 2.0 ]\nutt2  [\n  1.0 2.0 \n  3.0 4.0 ]\n";
    char specifier[400];
    snprintf(specifier, sizeof specifier, "ark,t:%s/t.ark", folder);
    write_two(specifier);
    expect_file("t.ark", text, sizeof text - 1);
}

static void an_unknown_specifier_is_refused(void **state) {
    (void)state;
    sty_writer *writer = NULL;
    assert_int_equal(sty_writer_open("ark,x:foo", NULL, true, &writer, &err), STY_BAD_ARGUMENT);
    assert_int_equal(sty_writer_open("ark,scp:foo", NULL, true, &writer, &err), STY_BAD_ARGUMENT);
    assert_null(writer);
}

static int set_up(void **state) {
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/kaldi-XXXXXX", tmp ? tmp : "/tmp");
    return mkdtemp(folder) ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_binary_archive_has_kaldis_bytes_and_its_index_points_behind_the_keys),
        cmocka_unit_test(text_numbers_have_a_point_so_that_no_reader_takes_them_for_integers),
        cmocka_unit_test(an_unknown_specifier_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
