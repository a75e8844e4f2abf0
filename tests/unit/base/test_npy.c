/* .npy files: what NumPy writes is read, everything else is refused by name. */
#include "base/npy.h"
#include "random.h"
#include "scratch.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static sty_err err;
static sty_npy npy;

/* Parses a version 1 file of this dictionary and data. */
static sty_status parse(const char *dictionary, const void *data, size_t n) {
    unsigned char file[4096] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, 118, 0};
    memset(file + 10, ' ', 118);
    memcpy(file + 10, dictionary, strlen(dictionary));
    file[127] = '\n';
    if (n) memcpy(file + 128, data, n);
    const sty_bytes bytes = {file, 128 + n};
    return sty_npy_parse(&bytes, "x.npy", &npy, &err);
}

static void what_is_written_reads_back(void **state) {
    float x[24];
    (void)state;
    random_fill(x, STY_COUNT(x));
    for (int rank = 1; rank <= 3; rank++) {
        const size_t dim[3] = {rank == 1 ? 24 : rank == 2 ? 6 : 2, rank == 2 ? 4 : 3, 4};
        assert_int_equal(sty_npy_write(scratch_path("a.npy"), x, rank, dim, true, &err), STY_OK);
        assert_int_equal(sty_npy_read(scratch_path("a.npy"), &npy, &err), STY_OK);
        assert_int_equal(npy.rank, rank);
        assert_memory_equal(npy.dim, dim, (size_t)rank * sizeof *dim);
        assert_memory_equal(npy.data, x, sizeof x);
        sty_npy_clear(&npy);
    }
}

static void the_header_is_what_numpy_writes(void **state) {
    char header[STY_NPY_HEADER];
    (void)state;
    assert_true(sty_npy_header("<f4", 1, (const size_t[]){5}, header));
    assert_memory_equal(header, "\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (5,), }", 65);
    assert_int_equal(header[127], '\n');
    assert_true(sty_npy_header("<f4", 3, (const size_t[]){5, 6, 7}, header));
    assert_non_null(strstr(header + 10, "'shape': (5, 6, 7), }"));
    /* a shape that does not fit is told, not cut */
    assert_false(sty_npy_header("<f4", 4, (const size_t[]){SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX}, header));
    assert_true(sty_npy_header("<f4", 4, (const size_t[]){99999999999u, 99999, 99999, 99999}, header));
}

static void doubles_become_floats(void **state) {
    const double x[] = {0.1, -2, 3e10};
    (void)state;
    assert_int_equal(parse("{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }", x, sizeof x), STY_OK);
    assert_true(npy.data[0] == 0.1f && npy.data[1] == -2.0f && npy.data[2] == 3e10f);
    sty_npy_clear(&npy);
}

static void keys_may_stand_in_any_order(void **state) {
    const float x[] = {1, 2};
    (void)state;
    assert_int_equal(parse("{'shape':(1, 2),'fortran_order':False,'descr':'<f4'}", x, sizeof x), STY_OK);
    assert_int_equal(npy.rank, 2);
    sty_npy_clear(&npy);
}

static void other_arrays_are_refused(void **state) {
    static const char *const bad[] = {
        "{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }",
        "{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }",
        "{'descr': '|O', 'fortran_order': False, 'shape': (2,), }",
        "{'descr': [('a', '<f4'), ('b', '<f4')], 'fortran_order': False, 'shape': (2,), }",
        "{'descr': '<f4', 'fortran_order': True, 'shape': (1, 2), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 1), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (+1,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 0), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2",
        "{'descr': '<f4', 'fortran_order': False, }",
        "{'descr': '<f4', 'shape': (2,), }",
        "{'fortran_order': False, 'shape': (2,), }",
        "",
    };
    const float x[4] = {0};
    (void)state;
    for (size_t i = 0; i < STY_COUNT(bad); i++) {
        const sty_status status = parse(bad[i], x, sizeof x);
        if (status == STY_OK) fail_msg("%s was read", bad[i]);
        assert_int_equal(status, STY_NOT_AUDIO);
        assert_non_null(strstr(err.message, "'x.npy'"));
        assert_null(npy.data);
    }
}

static void every_prefix_of_a_file_is_refused(void **state) {
    float x[20] = {0};
    size_t n;
    (void)state;
    sty_npy_write(scratch_path("b.npy"), x, 2, (const size_t[]){4, 5}, true, &err);
    char *file = scratch_read(scratch_path("b.npy"), &n);
    for (size_t i = 0; i < n; i++) {
        unsigned char *cut = sty_alloc(i, 1); /* its own block: a sanitizer sees reads behind it */
        memcpy(cut, file, i);
        const sty_bytes bytes = {cut, i};
        const sty_status status = sty_npy_parse(&bytes, "x", &npy, &err);
        assert_int_equal(status, i < 128 ? STY_NOT_AUDIO : STY_TRUNCATED);
        sty_free(cut);
    }
    free(file);
}

static void header_bytes_of_any_value_do_no_harm(void **state) {
    float x[20] = {0};
    size_t n;
    (void)state;
    sty_npy_write(scratch_path("c.npy"), x, 2, (const size_t[]){4, 5}, true, &err);
    char *file = scratch_read(scratch_path("c.npy"), &n);
    for (size_t at = 0; at < 128; at++)
        for (int value = 0; value < 256; value++) {
            const char kept = file[at];
            file[at] = (char)value;
            const sty_bytes bytes = {(unsigned char *)file, n};
            if (sty_npy_parse(&bytes, "x", &npy, &err) == STY_OK) sty_npy_clear(&npy);
            file[at] = kept;
        }
    free(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(the_header_is_what_numpy_writes),
        cmocka_unit_test(doubles_become_floats),
        cmocka_unit_test(keys_may_stand_in_any_order),
        cmocka_unit_test(other_arrays_are_refused),
        cmocka_unit_test(every_prefix_of_a_file_is_refused),
        cmocka_unit_test(header_bytes_of_any_value_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
