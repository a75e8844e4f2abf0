/* What a file is, told from its first bytes; sizes that are declared against those
 * that are there. */
#include "audio/container.h"
#include "unit.h"

#include <string.h>

static sty_err err;
static unsigned char file[4096];

static sty_status check(size_t n) {
    unsigned char exact[4096]; /* what lies behind n bytes is poison */
    memset(exact, 0xA5, sizeof exact);
    memcpy(exact, file, n);
    sty_source source = {.name = "x", .data = exact, .size = n};
    return sty_container_check(&source, &err);
}

static void put(size_t at, const void *bytes, size_t n) { memcpy(file + at, bytes, n); }

static void put_number(size_t at, uint64_t value, int n, int big) {
    for (int i = 0; i < n; i++)
        file[big ? at + (size_t)(n - 1 - i) : at + (size_t)i] = (unsigned char)(value >> (8 * i));
}

/* A WAV header of 44 bytes; big: RIFX. */
static size_t wav(unsigned tag, uint32_t data_size, int big) {
    memset(file, 0, sizeof file);
    put(0, big ? "RIFX" : "RIFF", 4);
    put(8, "WAVEfmt ", 8);
    put_number(16, 16, 4, big);
    put_number(20, tag, 2, big);
    put(36, "data", 4);
    put_number(40, data_size, 4, big);
    return 44;
}

static void declared_sizes_are_compared_with_what_is_there(void **state) {
    (void)state;
    for (int big = 0; big < 2; big++) {
        const size_t n = wav(1, 100, big);
        assert_int_equal(check(n + 100), STY_OK);
        assert_int_equal(check(n + 101), STY_OK);
        assert_int_equal(check(n + 99), STY_TRUNCATED);
        assert_non_null(strstr(err.message, "announces 100 bytes of audio, 99 are there"));
        assert_int_equal(check(n), STY_TRUNCATED);
    }
    assert_int_equal(check(wav(1, 0, 0)), STY_OK); /* empty, but not cut: the decoder says so */
}

static void sizes_that_writers_to_a_pipe_leave_mean_to_the_end(void **state) {
    static const uint32_t sizes[] = {0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000, 0xFFFFFFDB};
    (void)state;
    for (size_t i = 0; i < STY_COUNT(sizes); i++)
        assert_int_equal(check(wav(1, sizes[i], 0) + 10), STY_OK);
    assert_int_equal(check(wav(1, 0x7FFFEFFF, 0) + 10), STY_TRUNCATED);
}

static void rf64_has_its_size_elsewhere(void **state) {
    (void)state;
    memset(file, 0, sizeof file);
    put(0, "RF64", 4);
    put(8, "WAVEds64", 8);
    put_number(16, 28, 4, 0);
    put_number(28, 200, 8, 0); /* of data */
    put(48, "fmt ", 4);
    put_number(52, 16, 4, 0);
    put_number(56, 1, 2, 0);
    put(72, "data", 4);
    put_number(76, 0xFFFFFFFF, 4, 0);
    assert_int_equal(check(280), STY_OK);
    assert_int_equal(check(279), STY_TRUNCATED);
}

static void chunks_before_the_data_are_passed_over(void **state) {
    (void)state;
    wav(1, 50, 0);
    memmove(file + 36 + 14, file + 36, 8);
    put(36, "LIST", 4);
    put_number(40, 5, 4, 0); /* odd: a byte of padding follows */
    put(44, "abcde", 6);
    assert_int_equal(check(58 + 50), STY_OK);
    assert_int_equal(check(58 + 49), STY_TRUNCATED);
}

static void codings_are_told_by_their_tag(void **state) {
    static const unsigned allowed[] = {1, 3, 6, 7}, refused[] = {0, 2, 0x11, 0x31, 0x38, 0x50, 0x55, 0x161, 0xFFFF};
    (void)state;
    for (size_t i = 0; i < STY_COUNT(allowed); i++)
        assert_int_equal(check(wav(allowed[i], 0, 0)), STY_OK);
    for (size_t i = 0; i < STY_COUNT(refused); i++)
        assert_int_equal(check(wav(refused[i], 0, 0)), STY_UNSUPPORTED_CODEC);
    assert_non_null(strstr(err.message, "WAV coding 0xffff,"));
    check(wav(0x31, 0, 0));
    assert_non_null(strstr(err.message, "WAV coding 0x0031 (GSM 6.10)"));
    /* the extensible form hides the tag */
    for (unsigned hidden = 1; hidden <= 2; hidden++) {
        wav(0xFFFE, 0, 0);
        put_number(16, 40, 4, 0);
        put_number(44, hidden, 2, 0);
        put(60, "data\0\0\0\0", 8);
        assert_int_equal(check(68), hidden == 1 ? STY_OK : STY_UNSUPPORTED_CODEC);
    }
}

static void junk_without_end_is_given_up(void **state) {
    (void)state;
    memset(file, 0, sizeof file);
    put(0, "RIFF\0\0\0\0WAVE", 12);
    for (size_t at = 12; at + 8 <= sizeof file; at += 8)
        put(at, "junk\0\0\0\0", 8);
    assert_int_equal(check(sizeof file), STY_TRUNCATED);
    assert_non_null(strstr(err.message, "ends before its audio begins"));
    put_number(16, 0xFFFFFFF8, 4, 0);
    assert_int_equal(check(sizeof file), STY_TRUNCATED);
    /* a header that ends inside its format is no unknown coding */
    for (size_t cut = 12; cut < 44; cut++) {
        wav(1, 0, 0);
        assert_int_equal(check(cut), STY_TRUNCATED);
    }
}

static void aiff_au_caf_and_w64_declare_sizes_too(void **state) {
    (void)state;
    memset(file, 0, sizeof file);
    put(0, "FORM\0\0\0\0AIFFSSND\0\0\0\x64", 20);
    assert_int_equal(check(120), STY_OK);
    assert_int_equal(check(119), STY_TRUNCATED);
    memset(file, 0, sizeof file);
    put(0, ".snd\0\0\0\x18\0\0\0\x64\0\0\0\3", 16);
    assert_int_equal(check(124), STY_OK);
    assert_int_equal(check(123), STY_TRUNCATED);
    assert_int_equal(check(23), STY_TRUNCATED);
    put_number(8, 0xFFFFFFFF, 4, 1);
    assert_int_equal(check(50), STY_OK);
    put_number(12, 23, 4, 1);
    assert_int_equal(check(50), STY_UNSUPPORTED_CODEC);
    memset(file, 0, sizeof file);
    put(0, "caff\0\1\0\0desc\0\0\0\0\0\0\0\x20", 20);
    put(28, "lpcm", 4);
    put(52, "data\0\0\0\0\0\0\0\x64", 12);
    assert_int_equal(check(164), STY_OK);
    assert_int_equal(check(163), STY_TRUNCATED);
    put(28, "ima4", 4);
    assert_int_equal(check(164), STY_UNSUPPORTED_CODEC);
    memset(file, 0, sizeof file);
    put(0, "riff\x2e\x91\xcf\x11", 8);
    put(40, "data", 4);
    put_number(56, 24 + 100, 8, 0);
    assert_int_equal(check(164), STY_OK);
    assert_int_equal(check(163), STY_TRUNCATED);
    put_number(56, 3, 8, 0); /* less than its own header */
    assert_int_equal(check(164), STY_OK);
}

static void an_ogg_stream_has_a_last_page(void **state) {
    (void)state;
    memset(file, 0, sizeof file);
    put(0, "OggS", 4);
    file[26] = 1;
    file[27] = 10; /* one segment */
    put(38, "OggS\0\4", 6);
    file[38 + 26] = 1;
    file[38 + 27] = 20;
    assert_int_equal(check(38 + 28 + 20), STY_OK);
    assert_int_equal(check(38 + 28 + 19), STY_TRUNCATED);
    assert_int_equal(check(38 + 27), STY_TRUNCATED);
    assert_int_equal(check(38), STY_TRUNCATED);
    file[38 + 5] = 0;
    assert_int_equal(check(38 + 28 + 20), STY_TRUNCATED);
    assert_non_null(strstr(err.message, "no end"));
}

static void what_is_no_sound_is_named(void **state) {
    static const struct {
        const char *bytes;
        size_t n;
        sty_status status;
    } heads[] = {{"hello, world", 12, STY_NOT_AUDIO},  {"\0\0\0\x18" "ftypM4A ", 12, STY_UNSUPPORTED_CODEC},
                 {"\x1a\x45\xdf\xa3", 4, STY_UNSUPPORTED_CODEC}, {"#!AMR\n", 6, STY_UNSUPPORTED_CODEC},
                 {"2BIT", 4, STY_UNSUPPORTED_CODEC},   {"MThd", 4, STY_UNSUPPORTED_CODEC},
                 {"R", 1, STY_NOT_AUDIO},              {"RIF", 3, STY_NOT_AUDIO},
                 {"PK\3\4", 4, STY_NOT_AUDIO},         {"\x93NUMPY", 6, STY_NOT_AUDIO},
                 {"\xff\xfb\x90\x64", 4, STY_OK},      {"\xff\xfb\xf0\x64", 4, STY_NOT_AUDIO},
                 {"\xff\xff\xff\xff", 4, STY_NOT_AUDIO}, {"fLaC", 4, STY_OK}, {"", 0, STY_EMPTY}};
    (void)state;
    for (size_t i = 0; i < STY_COUNT(heads); i++) {
        memcpy(file, heads[i].bytes, heads[i].n);
        if (check(heads[i].n) != heads[i].status) fail_msg("%s: %s", heads[i].bytes, err.message);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(declared_sizes_are_compared_with_what_is_there),
        cmocka_unit_test(sizes_that_writers_to_a_pipe_leave_mean_to_the_end),
        cmocka_unit_test(rf64_has_its_size_elsewhere),
        cmocka_unit_test(chunks_before_the_data_are_passed_over),
        cmocka_unit_test(codings_are_told_by_their_tag),
        cmocka_unit_test(junk_without_end_is_given_up),
        cmocka_unit_test(aiff_au_caf_and_w64_declare_sizes_too),
        cmocka_unit_test(an_ogg_stream_has_a_last_page),
        cmocka_unit_test(what_is_no_sound_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
