/* safetensors: every number of a header is checked before it is believed. */
#define _GNU_SOURCE
#include "model/weights.h"
#include "random.h"
#include "scratch.h"
#include "unit.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static sty_err err;
static sty_weights weights;

/* A file of this header and n_data zero bytes. */
static sty_bytes file_of(const char *header, size_t n_data) {
    const size_t length = strlen(header);
    sty_bytes bytes = {sty_alloc(8 + length + n_data, 1), 8 + length + n_data};
    for (int i = 0; i < 8; i++)
        bytes.data[i] = (unsigned char)(length >> (8 * i));
    memcpy(bytes.data + 8, header, length);
    return bytes;
}

static void expect(const char *header, size_t n_data, const char *saying) {
    const sty_status status = sty_weights_parse(file_of(header, n_data), &weights, &err);
    if (status == STY_OK && saying) fail_msg("taken: %s", header);
    if (status != STY_OK && !saying) fail_msg("%s: %s", header, err.message);
    if (saying && !strstr(err.message, saying)) fail_msg("%s: '%s' does not say '%s'", header, err.message, saying);
    if (saying) assert_int_equal(err.status, STY_BAD_MODEL);
    sty_weights_clear(&weights);
}

#define T(name, shape, begin, end) "\"" name "\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[" begin "," end "]}"

static void whole_files_are_taken(void **state) {
    (void)state;
    expect("{" T("a", "[2,3]", "0", "24") "}", 24, NULL);
    expect("{" T("b", "[1]", "4", "8") "," T("a", "[1]", "0", "4") "}", 8, NULL);
    expect("{\"__metadata__\":{\"format\":\"pt\"}," T("a", "[]", "0", "4") "}", 4, NULL);
    expect("{}   ", 0, NULL);
    expect("{\"n\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]}}", 8, NULL);
    expect("{" T("a", "[1,1,1,1,1,1,1,1]", "0", "4") "}", 4, NULL);
}

static void ranges_cover_the_data_exactly_once(void **state) {
    (void)state;
    expect("{" T("a", "[1]", "0", "4") "," T("b", "[1]", "8", "12") "}", 12, "leave a hole at byte 4");
    expect("{" T("a", "[1]", "4", "8") "}", 8, "leave a hole at byte 0");
    expect("{" T("a", "[2]", "0", "8") "," T("b", "[1]", "4", "8") "}", 8, "overlap");
    expect("{" T("a", "[1]", "0", "4") "," T("b", "[1]", "0", "4") "}", 4, "overlap");
    expect("{" T("a", "[1]", "0", "4") "}", 5, "1 bytes behind the last tensor");
    expect("{}", 1, "1 bytes behind");
    expect("{" T("a", "[2]", "0", "8") "}", 7, "lies outside the 7 bytes");
    expect("{" T("a", "[1]", "4", "0") "}", 4, "lies outside");
    expect("{" T("a", "[1]", "0", "9007199254740991") "}", 4, "lies outside");
    expect("{" T("a", "[1]", "0", "18446744073709551620") "}", 4, "expected an integer");
    expect("{" T("a", "[1]", "-4", "0") "}", 4, "expected an integer");
    expect("{" T("a", "[1]", "0", "4.5") "}", 4, "expected an integer");
    expect("{" T("a", "[1]", "0", "1e400") "}", 4, "too large");
    expect("{" T("a", "[1]", "0", "\"4\"") "}", 4, "expected an integer");
    expect("{" T("a", "[1]", "0", "4,8") "}", 8, "expected two offsets");
}

static void shapes_agree_with_their_bytes(void **state) {
    (void)state;
    expect("{" T("a", "[3]", "0", "8") "}", 8, "8 bytes do not hold 3 elements");
    expect("{" T("a", "[4294967296,4294967296,4]", "0", "4") "}", 4, "does not fit");
    expect("{" T("a", "[4611686018427387905]", "0", "4") "}", 4, "expected an integer");
    expect("{" T("a", "[9007199254740993]", "0", "4") "}", 4, "expected an integer");
    /* 2^62 + 1 elements of four bytes are four bytes in 64 bits */
    expect("{" T("a", "[2147483648,2147483648]", "0", "0") "}", 0, "do not hold");
    expect("{" T("a", "[0]", "0", "0") "}", 0, "without elements");
    expect("{" T("a", "[0]", "0", "0") "," T("b", "[1]", "0", "4") "}", 4, "without elements");
    expect("{" T("a", "[1,1,1,1,1,1,1,1,1]", "0", "4") "}", 4, "more than 8 dimensions");
    expect("{" T("a", "[-1]", "0", "4") "}", 4, "a.shape[0]");
    expect("{" T("a", "[true]", "0", "4") "}", 4, "a.shape[0]");
    expect("{" T("a", "1", "0", "4") "}", 4, "a.shape");
}

static void entries_have_the_right_keys_and_types(void **state) {
    (void)state;
    expect("{\"a\":{\"dtype\":\"F31\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "a.dtype: is 'F31'");
    expect("{\"a\":{\"dtype\":1,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "a.dtype");
    expect("{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "'dtype' is missing");
    expect("{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "'shape' is missing");
    expect("{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "'data_offsets' is missing");
    expect("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1}}", 4, "unknown key 'x'");
    expect("{\"a\":[]}", 0, "expected an object");
    expect("{\"__metadata__\":{\"a\":1}}", 0, "__metadata__.a");
    expect("{\"__metadata__\":[]}", 0, "__metadata__");
    expect("{" T("a", "[1]", "0", "4") "," T("a", "[1]", "4", "8") "}", 8, "occurs twice");
    expect("{" T("a\\u0000b", "[1]", "0", "4") "}", 4, "NUL");
    expect("{" T("\xff", "[1]", "0", "4") "}", 4, "UTF-8");
    expect("[]", 0, "the header is not JSON");
    expect(" {}", 0, "the header is not JSON");
    expect("{}{}", 0, "not JSON");
    expect("{", 9, "the header is not JSON");
}

static void names_that_differ_in_case_are_two_tensors(void **state) {
    (void)state;
    sty_bytes bytes = file_of("{" T("a", "[1]", "0", "4") "," T("A", "[2]", "4", "12") "}", 12);
    assert_int_equal(sty_weights_parse(bytes, &weights, &err), STY_OK);
    assert_int_equal(sty_weights_find(&weights, "A")->count, 2);
    assert_int_equal(sty_weights_find(&weights, "a")->count, 1);
    assert_null(sty_weights_find(&weights, "b"));
    sty_weights_clear(&weights);
}

static void lengths_of_the_header_are_not_believed(void **state) {
    static const uint64_t lengths[] = {3, 100, 8u << 20, (100u << 20) + 1, 1ull << 32, 1ull << 63, UINT64_MAX, UINT64_MAX - 7};
    (void)state;
    for (size_t i = 0; i < STY_COUNT(lengths); i++) {
        sty_bytes bytes = file_of("{}", 0);
        for (int k = 0; k < 8; k++)
            bytes.data[k] = (unsigned char)(lengths[i] >> (8 * k));
        assert_int_equal(sty_weights_parse(bytes, &weights, &err), STY_BAD_MODEL);
        assert_non_null(strstr(err.message, "a header of"));
    }
}

/* Both readers, of memory and of a file, agree on every prefix and changed byte. */
static bool both(const unsigned char *data, size_t n) {
    sty_bytes bytes = {sty_alloc(n, 1), n};
    memcpy(bytes.data, data, n);
    const sty_status status = sty_weights_parse(bytes, &weights, &err);
    sty_weights_clear(&weights);
    const int fd = open(scratch_file("w.safetensors", data, n), O_RDONLY);
    const sty_status again = sty_weights_read(fd, "w", &weights, &err);
    close(fd);
    sty_weights_clear(&weights);
    assert_int_equal(status, again);
    assert_true(status == STY_OK || status == STY_BAD_MODEL);
    return status == STY_OK;
}

static sty_bytes example(void) {
    return file_of("{\"__metadata__\":{\"k\":\"v\"}," T("conv.weight", "[4,1,3,3]", "0", "144") ","
                   T("conv.bias", "[4]", "144", "160") ",\"half\":{\"dtype\":\"F16\",\"shape\":[3],\"data_offsets\":[160,166]}}  ", 166);
}

static void every_prefix_of_a_file_is_refused(void **state) {
    sty_bytes bytes = example();
    (void)state;
    for (size_t n = 0; n < bytes.n; n++)
        assert_false(both(bytes.data, n));
    assert_true(both(bytes.data, bytes.n));
    sty_bytes_clear(&bytes);
}

static void every_header_byte_of_five_values_does_no_harm(void **state) {
    static const unsigned char values[] = {0x00, 0x01, 0x7F, 0x80, 0xFF};
    sty_bytes bytes = example();
    const size_t header = bytes.n - 166;
    size_t taken = 0;
    (void)state;
    for (size_t at = 0; at < header; at++)
        for (size_t i = 0; i < STY_COUNT(values); i++) {
            const unsigned char kept = bytes.data[at];
            bytes.data[at] = values[i];
            taken += both(bytes.data, bytes.n);
            bytes.data[at] = kept;
        }
    /* control bytes are never legal; 0x7F is, in a name and in the metadata, and so
     * is a byte that had the value before */
    assert_in_range(taken, 15, 60);
    sty_bytes_clear(&bytes);
}

static void random_changes_do_no_harm(void **state) {
    sty_bytes bytes = example();
    unsigned char *changed = sty_alloc(bytes.n, 1);
    (void)state;
    for (int round = 0; round < 20000; round++) {
        memcpy(changed, bytes.data, bytes.n);
        for (size_t k = 1 + random_below(6); k > 0; k--)
            changed[random_below(bytes.n - 166)] = (unsigned char)"0123456789[]{},:\"-.eaF\xff"[random_below(24)];
        sty_bytes copy = {sty_alloc(bytes.n, 1), bytes.n};
        memcpy(copy.data, changed, bytes.n);
        if (sty_weights_parse(copy, &weights, &err) == STY_OK) {
            size_t sum = 0;
            for (size_t i = 0; i < weights.n; i++) {
                assert_true(weights.tensors[i].data >= weights.bytes.data);
                sum += weights.tensors[i].count * sty_dtype_bytes[weights.tensors[i].dtype];
            }
            assert_int_equal(sum, 166);
        }
        sty_weights_clear(&weights);
    }
    sty_free(changed);
    sty_bytes_clear(&bytes);
}

/* A sparse file of 4 GiB behind a bad header costs nothing. */
static void a_bad_header_is_refused_before_the_weights_are_read(void **state) {
    static const char header[] = "{" T("a", "[1]", "0", "4") "}";
    unsigned char head[8 + sizeof header] = {sizeof header - 1};
    (void)state;
    memcpy(head + 8, header, sizeof header);
    const char *path = scratch_file("sparse.safetensors", head, 8 + sizeof header - 1);
    assert_int_equal(truncate(path, (off_t)4 << 30), 0);
    const int fd = open(path, O_RDONLY);
    assert_int_equal(sty_weights_read(fd, "w", &weights, &err), STY_BAD_MODEL);
    assert_non_null(strstr(err.message, "behind the last tensor"));
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 8 + sizeof header - 1);
    assert_int_equal(truncate(path, ((off_t)4 << 30) + 1), 0);
    assert_int_equal(sty_weights_read(fd, "w", &weights, &err), STY_TOO_LONG);
    close(fd);
    unlink(path);
}

/* The value of half h by its definition. */
static double half(unsigned h) {
    const int exponent = (int)(h >> 10 & 31), mantissa = (int)(h & 1023);
    const double v = exponent ? ldexp(1024 + mantissa, exponent - 25) : ldexp(mantissa, -24);
    return h & 0x8000 ? -v : v;
}

static void every_half_and_bfloat_has_its_value(void **state) {
    enum { N = 65536 };
    char header[200];
    sty_arena arena = {0};
    (void)state;
    for (int bf16 = 0; bf16 < 2; bf16++) {
        snprintf(header, sizeof header, "{\"h\":{\"dtype\":\"%s\",\"shape\":[%d],\"data_offsets\":[0,%d]}}",
                 bf16 ? "BF16" : "F16", N, 2 * N);
        sty_bytes bytes = file_of(header, 2 * N);
        for (size_t i = 0; i < N; i++) {
            bytes.data[8 + strlen(header) + 2 * i] = (unsigned char)i;
            bytes.data[8 + strlen(header) + 2 * i + 1] = (unsigned char)(i >> 8);
        }
        assert_int_equal(sty_weights_parse(bytes, &weights, &err), STY_OK);
        const float *x = sty_weights_values(&weights.tensors[0], &arena);
        for (unsigned i = 0; i < N; i++) {
            if (bf16) {
                uint32_t bits;
                memcpy(&bits, &x[i], sizeof bits);
                assert_int_equal(bits, (uint32_t)i << 16);
            } else if ((i >> 10 & 31) == 31) assert_int_equal(isfinite(x[i]), 0);
            else if ((double)x[i] != half(i) || (signbit(x[i]) != 0) != (i >> 15 != 0)) fail_msg("half 0x%04x", i);
        }
        sty_weights_clear(&weights);
    }
    sty_arena_clear(&arena);
}

static void floats_that_are_not_aligned_are_copied(void **state) {
    sty_arena arena = {0};
    float want[3], copy[3];
    (void)state;
    random_fill(want, 3);
    for (size_t pad = 0; pad < 4; pad++) {
        char header[100];
        snprintf(header, sizeof header, "{%s}%.*s", T("a", "[3]", "0", "12"), (int)pad, "    ");
        sty_bytes bytes = file_of(header, 12);
        memcpy(bytes.data + 8 + strlen(header), want, sizeof want);
        assert_int_equal(sty_weights_parse(bytes, &weights, &err), STY_OK);
        const float *x = sty_weights_values(&weights.tensors[0], &arena);
        assert_int_equal((uintptr_t)x % _Alignof(float), 0);
        memcpy(copy, x, sizeof copy);
        assert_memory_equal(copy, want, sizeof want);
        sty_weights_clear(&weights);
    }
    sty_arena_clear(&arena);
}

static void without_memory_nothing_is_left_behind(void **state) {
    (void)state;
    for (size_t n = 1;; n++) {
        sty_bytes bytes = example();
        sty_mem_fail_at(n, false);
        const sty_status status = sty_weights_parse(bytes, &weights, &err);
        const size_t made = sty_mem_fail_at(0, false);
        sty_weights_clear(&weights);
        if (made < n) break;
        assert_int_equal(status, STY_OUT_OF_MEMORY);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_files_are_taken),
        cmocka_unit_test(ranges_cover_the_data_exactly_once),
        cmocka_unit_test(shapes_agree_with_their_bytes),
        cmocka_unit_test(entries_have_the_right_keys_and_types),
        cmocka_unit_test(names_that_differ_in_case_are_two_tensors),
        cmocka_unit_test(lengths_of_the_header_are_not_believed),
        cmocka_unit_test(every_prefix_of_a_file_is_refused),
        cmocka_unit_test(every_header_byte_of_five_values_does_no_harm),
        cmocka_unit_test(random_changes_do_no_harm),
        cmocka_unit_test(a_bad_header_is_refused_before_the_weights_are_read),
        cmocka_unit_test(every_half_and_bfloat_has_its_value),
        cmocka_unit_test(floats_that_are_not_aligned_are_copied),
        cmocka_unit_test(without_memory_nothing_is_left_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
