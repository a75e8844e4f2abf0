/* Whole files in and out: nothing partial, nothing followed, nothing waited for. */
#define _GNU_SOURCE
#include "base/file.h"
#include "scratch.h"
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static sty_err err;
static sty_bytes bytes;

static void a_file_is_read_whole(void **state) {
    (void)state;
    assert_int_equal(sty_file_read(scratch_file("whole", "abc", 3), 3, &bytes, &err), STY_OK);
    assert_int_equal(bytes.n, 3);
    assert_memory_equal(bytes.data, "abc", 3);
    sty_bytes_clear(&bytes);
    assert_int_equal(sty_file_read(scratch_file("whole", "", 0), 3, &bytes, &err), STY_OK);
    assert_int_equal(bytes.n, 0);
    sty_bytes_clear(&bytes);
}

static void what_cannot_be_read_is_named(void **state) {
    (void)state;
    assert_int_equal(sty_file_read(scratch_path("absent"), 9, &bytes, &err), STY_NOT_FOUND);
    assert_non_null(strstr(err.message, "absent"));
    assert_int_equal(sty_file_read(scratch_path("whole/x"), 9, &bytes, &err), STY_NOT_FOUND);
    assert_int_equal(sty_file_read(scratch_path("."), 9, &bytes, &err), STY_UNREADABLE);
    assert_non_null(strstr(err.message, "is a folder"));
    assert_int_equal(sty_file_read("/dev/zero", 9, &bytes, &err), STY_UNREADABLE);
    assert_int_equal(sty_file_read(scratch_file("long", "abcd", 4), 3, &bytes, &err), STY_TOO_LONG);
    mkfifo(scratch_path("fifo"), 0600);
    assert_int_equal(sty_file_read(scratch_path("fifo"), 9, &bytes, &err), STY_UNREADABLE);
    if (symlink("loop", scratch_path("loop")) != 0) fail();
    assert_int_equal(sty_file_read(scratch_path("loop"), 9, &bytes, &err), STY_UNREADABLE);
}

static void below_a_folder_no_way_leads_out(void **state) {
    static const char *const bad[] = {"../in/file", "/etc/passwd", "sub/../file", "..", "", "sub//file", "link",
                                      "dir/file",   "sub/link",    "./../in/file"};
    (void)state;
    mkdir(scratch_path("in"), 0700);
    mkdir(scratch_path("in/sub"), 0700);
    scratch_file("in/file", "abc", 3);
    scratch_file("in/sub/file", "abc", 3);
    if (symlink("file", scratch_path("in/link")) || symlink("sub", scratch_path("in/dir")) ||
        symlink("../../whole", scratch_path("in/sub/link")))
        fail();
    const int folder = open(scratch_path("in"), O_RDONLY | O_DIRECTORY);
    for (size_t i = 0; i < STY_COUNT(bad); i++) {
        const sty_status status = sty_file_read_beneath(folder, bad[i], 99, &bytes, &err);
        if (status == STY_OK) fail_msg("'%s' was read", bad[i]);
        assert_non_null(strstr(err.message, bad[i]));
    }
    assert_int_equal(sty_file_read_beneath(folder, "absent", 99, &bytes, &err), STY_NOT_FOUND);
    assert_int_equal(sty_file_read_beneath(folder, "file", 99, &bytes, &err), STY_OK);
    sty_bytes_clear(&bytes);
    assert_int_equal(sty_file_read_beneath(folder, "sub/file", 99, &bytes, &err), STY_OK);
    sty_bytes_clear(&bytes);
    close(folder);
}

static void a_pipe_is_read_to_its_end_or_its_limit(void **state) {
    int ends[2];
    char many[50000];
    (void)state;
    memset(many, 'x', sizeof many);
    for (size_t limit = sizeof many - 1; limit <= sizeof many; limit++) {
        if (pipe(ends) != 0 || write(ends[1], many, sizeof many) != sizeof many) fail();
        close(ends[1]);
        const sty_status status = sty_file_slurp(ends[0], "pipe", limit, &bytes, &err);
        close(ends[0]);
        assert_int_equal(status, limit < sizeof many ? STY_TOO_LONG : STY_OK);
    }
    assert_int_equal(bytes.n, sizeof many);
    sty_bytes_clear(&bytes);
    assert_int_equal(sty_file_slurp(-1, "pipe", 9, &bytes, &err), STY_IO_ERROR);
}

static void an_output_appears_when_it_is_committed(void **state) {
    const char *path = scratch_path("out1");
    sty_out *out;
    struct stat st;
    size_t n;
    (void)state;
    const mode_t mask = umask(027);
    assert_int_equal(sty_out_open(path, false, &out, &err), STY_OK);
    assert_int_equal(sty_out_write(out, "hello", 5, &err), STY_OK);
    assert_int_equal(sty_out_patch(out, 0, "J", 1, &err), STY_OK);
    assert_int_equal(sty_out_position(out), 5);
    assert_false(scratch_exists(path));
    assert_int_equal(sty_out_commit(out, &err), STY_OK);
    umask(mask);
    char *text = scratch_read(path, &n);
    assert_string_equal(text, "Jello");
    free(text);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640); /* what the umask leaves */
    assert_int_equal(scratch_count(".out1"), 0);
}

static void an_aborted_output_leaves_nothing(void **state) {
    sty_out *out;
    (void)state;
    assert_int_equal(sty_out_open(scratch_path("out2"), false, &out, &err), STY_OK);
    assert_int_equal(sty_out_write(out, "hello", 5, &err), STY_OK);
    assert_int_equal(scratch_count(".out2"), 1);
    sty_out_abort(out);
    sty_out_abort(NULL);
    assert_int_equal(scratch_count(".out2") + scratch_count("out2"), 0);
}

static void an_existing_file_is_kept_unless_overwritten(void **state) {
    const char *path = scratch_file("out3", "old", 3);
    (void)state;
    assert_int_equal(sty_file_write(path, "new", 3, false, &err), STY_BAD_ARGUMENT);
    assert_non_null(strstr(err.message, "exists already"));
    char *text = scratch_read(path, NULL);
    assert_string_equal(text, "old");
    free(text);
    assert_int_equal(sty_file_write(path, "new", 3, true, &err), STY_OK);
    text = scratch_read(path, NULL);
    assert_string_equal(text, "new");
    free(text);
}

static void a_file_that_appears_meanwhile_is_kept(void **state) {
    sty_out *out;
    (void)state;
    assert_int_equal(sty_out_open(scratch_path("out4"), false, &out, &err), STY_OK);
    scratch_file("out4", "another's", 9);
    assert_int_equal(sty_out_commit(out, &err), STY_OUTPUT_ERROR);
    char *text = scratch_read(scratch_path("out4"), NULL);
    assert_string_equal(text, "another's");
    free(text);
    assert_int_equal(scratch_count(".out4"), 0);
}

static void outputs_that_cannot_be_are_refused(void **state) {
    char name[300];
    (void)state;
    assert_int_equal(sty_file_write(scratch_path("no/such"), "", 0, false, &err), STY_BAD_ARGUMENT);
    assert_int_equal(sty_file_write(scratch_path("."), "", 0, true, &err), STY_BAD_ARGUMENT);
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(sty_file_write(scratch_path(name), "", 0, false, &err), STY_BAD_ARGUMENT);
    name[255] = '\0'; /* the longest name there can be */
    assert_int_equal(sty_file_write(scratch_path(name), "", 0, false, &err), STY_OK);
}

static void a_full_device_is_an_output_error(void **state) {
    char many[200000] = {0};
    sty_out *out;
    (void)state;
    assert_int_equal(sty_file_write("/dev/full", "x", 1, true, &err), STY_OUTPUT_ERROR);
    assert_int_equal(sty_file_write("/dev/full", many, sizeof many, true, &err), STY_OUTPUT_ERROR);
    assert_non_null(strstr(err.message, "No space left"));
    assert_int_equal(sty_out_open("/dev/full", true, &out, &err), STY_OK);
    assert_true(sty_out_is_stream(out));
    assert_int_equal(sty_out_write(out, "x", 1, &err), STY_OK);
    assert_int_equal(sty_out_flush(out, &err), STY_OUTPUT_ERROR);
    sty_out_abort(out);
}

static void writes_of_every_size_arrive_in_order(void **state) {
    enum { N = 1 << 19 };
    unsigned char *want = sty_alloc(N, 1);
    sty_out *out;
    size_t at = 0, got;
    (void)state;
    for (size_t i = 0; i < N; i++)
        want[i] = (unsigned char)(i * 31 >> 3);
    assert_int_equal(sty_out_open(scratch_path("out5"), false, &out, &err), STY_OK);
    for (size_t step = 1; at < N; step = step * 3 % 131071 + 1) {
        const size_t n = step < N - at ? step : N - at;
        assert_int_equal(sty_out_write(out, want + at, n, &err), STY_OK);
        at += n;
    }
    assert_int_equal(sty_out_commit(out, &err), STY_OK);
    char *text = scratch_read(scratch_path("out5"), &got);
    assert_int_equal(got, N);
    assert_memory_equal(text, want, N);
    free(text);
    sty_free(want);
}

static void without_memory_an_output_is_not_opened(void **state) {
    sty_out *out;
    (void)state;
    for (size_t n = 1;; n++) {
        sty_mem_fail_at(n, false);
        const sty_status status = sty_out_open(n % 2 ? scratch_path("out6") : "/dev/null", true, &out, &err);
        const size_t made = sty_mem_fail_at(0, false);
        if (status == STY_OK) {
            sty_out_abort(out);
            if (made < n && n > 8) break;
            continue;
        }
        assert_int_equal(status, STY_OUT_OF_MEMORY);
    }
    assert_int_equal(scratch_count(".out6"), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_whole),
        cmocka_unit_test(what_cannot_be_read_is_named),
        cmocka_unit_test(below_a_folder_no_way_leads_out),
        cmocka_unit_test(a_pipe_is_read_to_its_end_or_its_limit),
        cmocka_unit_test(an_output_appears_when_it_is_committed),
        cmocka_unit_test(an_aborted_output_leaves_nothing),
        cmocka_unit_test(an_existing_file_is_kept_unless_overwritten),
        cmocka_unit_test(a_file_that_appears_meanwhile_is_kept),
        cmocka_unit_test(outputs_that_cannot_be_are_refused),
        cmocka_unit_test(a_full_device_is_an_output_error),
        cmocka_unit_test(writes_of_every_size_arrive_in_order),
        cmocka_unit_test(without_memory_an_output_is_not_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
