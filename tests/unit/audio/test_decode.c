/* Clips from files that libsndfile writes here: values, channels, parts, refusals. */
#define _GNU_SOURCE
#include "audio/clip.h"
#include "base/mem.h"
#include "random.h"
#include "scratch.h"
#include "unit.h"

#include <fcntl.h>
#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { N = 5000 };

/* libsndfile 1.2.0 forgets its Vorbis state when it refuses a damaged Ogg: not ours. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:libvorbis"; }

static sty_err err;
static sty_clip *clip;
static float wave[2 * N];

static const char *write_sound(const char *name, int format, int channels, int rate, size_t n) {
    SF_INFO info = {.format = format, .channels = channels, .samplerate = rate};
    const char *path = scratch_path(name);
    SNDFILE *file = sf_open(path, SFM_WRITE, &info);
    if (!file) fail_msg("%s: %s", name, sf_strerror(NULL));
    assert_int_equal(sf_writef_float(file, wave, (sf_count_t)n), n);
    sf_close(file);
    return path;
}

static int make_wave(void **state) {
    (void)state;
    for (size_t i = 0; i < 2 * N; i++)
        wave[i] = (float)(0.5 * sin((double)i * 0.05));
    return 0;
}

static void read_ok(const char *path, const sty_clip_options *options) {
    if (sty_clip_read(path, options, &clip, &err) != STY_OK) fail_msg("%s", err.message);
}

static void refused(const char *path, const sty_clip_options *options, sty_status status) {
    clip = NULL;
    const sty_status got = sty_clip_read(path, options, &clip, &err);
    if (got != status) fail_msg("%s: %s instead of %s", path, sty_status_name(got), sty_status_name(status));
    assert_null(clip);
}

static void every_lossless_format_gives_the_samples(void **state) {
    static const struct {
        const char *name;
        int format;
        double step; /* of the coding */
    } formats[] = {
        {"a.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 0x1p-15},  {"b.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_U8, 0x1p-7},
        {"c.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 0x1p-23},  {"d.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_32, 0x1p-24},
        {"e.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 0},         {"f.wav", SF_FORMAT_WAV | SF_FORMAT_DOUBLE, 0},
        {"g.wav", SF_FORMAT_WAVEX | SF_FORMAT_PCM_16, 0x1p-15}, {"h.wav", SF_FORMAT_RF64 | SF_FORMAT_PCM_16, 0x1p-15},
        {"i.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16 | SF_ENDIAN_BIG, 0x1p-15},
        {"a.w64", SF_FORMAT_W64 | SF_FORMAT_PCM_16, 0x1p-15},  {"a.aiff", SF_FORMAT_AIFF | SF_FORMAT_PCM_16, 0x1p-15},
        {"b.aiff", SF_FORMAT_AIFF | SF_FORMAT_FLOAT, 0},       {"c.aiff", SF_FORMAT_AIFF | SF_FORMAT_PCM_S8, 0x1p-7},
        {"a.au", SF_FORMAT_AU | SF_FORMAT_PCM_16, 0x1p-15},    {"b.au", SF_FORMAT_AU | SF_FORMAT_FLOAT, 0},
        {"c.au", SF_FORMAT_AU | SF_FORMAT_PCM_16 | SF_ENDIAN_LITTLE, 0x1p-15},
        {"a.caf", SF_FORMAT_CAF | SF_FORMAT_PCM_16, 0x1p-15},  {"b.caf", SF_FORMAT_CAF | SF_FORMAT_ALAC_16, 0x1p-15},
        {"a.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 0x1p-15}, {"b.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_24, 0x1p-23},
        {"a.sph", SF_FORMAT_NIST | SF_FORMAT_PCM_16, 0x1p-15}, {"a.voc", SF_FORMAT_VOC | SF_FORMAT_PCM_16, 0x1p-15},
        {"a.sf", SF_FORMAT_IRCAM | SF_FORMAT_PCM_16, 0x1p-15}, {"b.sf", SF_FORMAT_IRCAM | SF_FORMAT_PCM_16 | SF_ENDIAN_BIG, 0x1p-15},
        {"a.paf", SF_FORMAT_PAF | SF_FORMAT_PCM_16, 0x1p-15},  {"a.pvf", SF_FORMAT_PVF | SF_FORMAT_PCM_16, 0x1p-15},
        {"a.svx", SF_FORMAT_SVX | SF_FORMAT_PCM_16, 0x1p-15},
    };
    (void)state;
    for (size_t f = 0; f < STY_COUNT(formats); f++) {
        const bool mono = (formats[f].format & SF_FORMAT_TYPEMASK) == SF_FORMAT_SVX;
        const int channels = mono ? 1 : 2;
        read_ok(write_sound(formats[f].name, formats[f].format, channels, 22050, N), NULL);
        const sty_clip_info *info = sty_clip_facts(clip);
        assert_int_equal(info->n_frames, N);
        assert_int_equal(info->n_channels, channels);
        assert_int_equal(info->rate_hz, 22050);
        for (size_t i = 0; i < (size_t)channels * N; i++)
            if (fabs((double)sty_clip_samples(clip)[i] - (double)wave[i]) > formats[f].step)
                fail_msg("%s: sample %zu is %g, not %g", formats[f].name, i, (double)sty_clip_samples(clip)[i], (double)wave[i]);
        sty_clip_free(clip);
    }
}

static void lossy_formats_give_as_many_samples(void **state) {
    static const struct {
        const char *name;
        int format, rate;
        size_t slack; /* mp3 has an encoder delay */
    } formats[] = {{"a.ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS, 22050, 0},
                   {"a.opus", SF_FORMAT_OGG | SF_FORMAT_OPUS, 24000, 0},
                   {"a.mp3", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, 22050, 4000},
                   {"u.wav", SF_FORMAT_WAV | SF_FORMAT_ULAW, 8000, 0},
                   {"v.wav", SF_FORMAT_WAV | SF_FORMAT_ALAW, 8000, 0}};
    (void)state;
    for (size_t f = 0; f < STY_COUNT(formats); f++) {
        read_ok(write_sound(formats[f].name, formats[f].format, 1, formats[f].rate, N), NULL);
        assert_in_range(sty_clip_facts(clip)->n_frames, N, N + formats[f].slack);
        sty_clip_free(clip);
    }
}

static void codings_with_known_errors_are_refused(void **state) {
    static const struct {
        const char *name;
        int format;
    } formats[] = {{"ima.wav", SF_FORMAT_WAV | SF_FORMAT_IMA_ADPCM},   {"ms.wav", SF_FORMAT_WAV | SF_FORMAT_MS_ADPCM},
                   {"gsm.wav", SF_FORMAT_WAV | SF_FORMAT_GSM610},      {"nms.wav", SF_FORMAT_WAV | SF_FORMAT_NMS_ADPCM_16},
                   {"g721.au", SF_FORMAT_AU | SF_FORMAT_G721_32},      {"ima.aiff", SF_FORMAT_AIFF | SF_FORMAT_IMA_ADPCM},
                   {"gsm.aiff", SF_FORMAT_AIFF | SF_FORMAT_GSM610},    {"ima.w64", SF_FORMAT_W64 | SF_FORMAT_IMA_ADPCM},
                   {"a.avr", SF_FORMAT_AVR | SF_FORMAT_PCM_16},        {"dwvw.aiff", SF_FORMAT_AIFF | SF_FORMAT_DWVW_16}};
    (void)state;
    for (size_t f = 0; f < STY_COUNT(formats); f++)
        refused(write_sound(formats[f].name, formats[f].format, 1, 8000, N), NULL, STY_UNSUPPORTED_CODEC);
}

static void names_do_not_decide_what_bytes_are(void **state) {
    static const char *const names[] = {"x.vox", "x.gsm", "x.au", "x.raw", "x.snd", "x.sds", "x.wav"};
    unsigned char noise[4000];
    (void)state;
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (unsigned char)(random_bits() >> 40 & 0x7F);
    for (size_t i = 0; i < STY_COUNT(names); i++)
        refused(scratch_file(names[i], noise, sizeof noise), NULL, STY_NOT_AUDIO);
}

static void parts_begin_and_end_where_they_should(void **state) {
    const char *path = write_sound("part.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 1, 1000, N);
    static const double parts[][2] = {{0, 0}, {1, 0}, {1, 2}, {0, 2}, {4.5, 9}, {4.999, 0}, {1.2345, 1.2355}};
    (void)state;
    for (size_t i = 0; i < STY_COUNT(parts); i++) {
        const sty_clip_options how = {.start_s = parts[i][0], .end_s = parts[i][1]};
        const size_t first = (size_t)llround(parts[i][0] * 1000);
        size_t last = parts[i][1] > 0 ? (size_t)llround(parts[i][1] * 1000) : N;
        if (last > N) last = N;
        read_ok(path, &how);
        assert_int_equal(sty_clip_facts(clip)->n_frames, last - first);
        assert_memory_equal(sty_clip_samples(clip), wave + first, (last - first) * sizeof *wave);
        sty_clip_free(clip);
    }
    refused(path, &(sty_clip_options){.start_s = 5}, STY_EMPTY);
    refused(path, &(sty_clip_options){.start_s = 100}, STY_EMPTY);
    refused(path, &(sty_clip_options){.start_s = 2, .end_s = 1}, STY_EMPTY);
    refused(path, &(sty_clip_options){.start_s = 2, .end_s = 2}, STY_EMPTY);
    refused(path, &(sty_clip_options){.start_s = -1}, STY_BAD_ARGUMENT);
    refused(path, &(sty_clip_options){.start_s = (double)NAN}, STY_BAD_ARGUMENT);
    refused(path, &(sty_clip_options){.start_s = 1e300}, STY_BAD_ARGUMENT);
    refused(path, &(sty_clip_options){.end_s = (double)INFINITY}, STY_BAD_ARGUMENT);
    refused(path, &(sty_clip_options){.max_duration_s = 4.999}, STY_TOO_LONG);
    read_ok(path, &(sty_clip_options){.max_duration_s = 5});
    sty_clip_free(clip);
}

static void a_part_of_a_pipe_is_the_part_of_the_file(void **state) {
    const char *path = write_sound("pipe.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_24, 1, 1000, N);
    const sty_clip_options how = {.start_s = 1.5, .end_s = 3};
    size_t n;
    int ends[2];
    (void)state;
    char *bytes = scratch_read(path, &n);
    assert_in_range(n, 1, 65536); /* all of it fits into the pipe */
    if (pipe(ends) != 0 || write(ends[1], bytes, n) != (ssize_t)n) fail();
    close(ends[1]);
    assert_int_equal(sty_clip_read_fd(ends[0], "pipe", &how, &clip, &err), STY_OK);
    close(ends[0]);
    assert_int_equal(sty_clip_facts(clip)->n_frames, 1500);
    for (size_t i = 0; i < 1500; i++)
        assert_true(fabsf(sty_clip_samples(clip)[i] - wave[1500 + i]) <= 0x1p-23f);
    sty_clip_free(clip);
    free(bytes);
}

static void one_channel_can_be_chosen(void **state) {
    const char *path = write_sound("stereo.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 2, 8000, N);
    (void)state;
    for (int c = 1; c <= 2; c++) {
        read_ok(path, &(sty_clip_options){.channel = c});
        assert_int_equal(sty_clip_facts(clip)->n_channels, 1);
        assert_int_equal(sty_clip_facts(clip)->source_channels, 2);
        for (size_t i = 0; i < N; i++)
            assert_true(sty_clip_samples(clip)[i] == wave[2 * i + (size_t)c - 1]);
        sty_clip_free(clip);
    }
    refused(path, &(sty_clip_options){.channel = 3}, STY_BAD_CHANNELS);
    refused(path, &(sty_clip_options){.channel = -1}, STY_BAD_ARGUMENT);
}

static void values_that_are_no_sound_are_refused_or_zeroed(void **state) {
    static const float bad[] = {NAN, -NAN, INFINITY, -INFINITY, 1e38f, -2e9f};
    (void)state;
    for (size_t i = 0; i < STY_COUNT(bad); i++) {
        const size_t at = random_below(N);
        const float kept = wave[at];
        wave[at] = bad[i];
        const char *path = write_sound("nan.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 1, 8000, N);
        wave[at] = kept;
        refused(path, NULL, STY_NONFINITE);
        read_ok(path, &(sty_clip_options){.zero_nonfinite = 1});
        assert_int_equal(sty_clip_facts(clip)->n_zeroed, 1);
        assert_true(sty_clip_samples(clip)[at] == 0.0f);
        sty_clip_free(clip);
    }
}

static void rates_and_channels_have_bounds(void **state) {
    static float quiet[65 * 10];
    (void)state;
    read_ok(write_sound("r1.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 1, 1000, 50), NULL);
    sty_clip_free(clip);
    read_ok(write_sound("r2.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 1, 768000, 50), NULL);
    sty_clip_free(clip);
    refused(write_sound("r3.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 1, 999, 50), NULL, STY_BAD_RATE);
    refused(write_sound("r4.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 1, 768001, 50), NULL, STY_BAD_RATE);
    read_ok(write_sound("c1.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 64, 8000, 50), NULL);
    sty_clip_free(clip);
    refused(write_sound("c2.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 65, 8000, 50), NULL, STY_BAD_CHANNELS);
    assert_int_equal(sty_clip_from_samples(quiet, 10, 65, 8000, &clip, &err), STY_BAD_CHANNELS);
    assert_int_equal(sty_clip_from_samples(quiet, 10, 0, 8000, &clip, &err), STY_BAD_CHANNELS);
    assert_int_equal(sty_clip_from_samples(quiet, 10, 1, 999, &clip, &err), STY_BAD_RATE);
    assert_int_equal(sty_clip_from_samples(quiet, 0, 1, 8000, &clip, &err), STY_EMPTY);
    assert_int_equal(sty_clip_from_samples(quiet, 10, 64, 8000, &clip, &err), STY_OK);
    sty_clip_free(clip);
    quiet[3] = NAN;
    assert_int_equal(sty_clip_from_samples(quiet, 10, 1, 8000, &clip, &err), STY_NONFINITE);
}

/* A whole file or nothing: no length of a PCM file passes for a shorter clip. */
static void every_prefix_of_a_pcm_file_is_refused(void **state) {
    static const struct {
        const char *name;
        int format;
    } formats[] = {{"p.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16},   {"p.aiff", SF_FORMAT_AIFF | SF_FORMAT_PCM_16},
                   {"p.au", SF_FORMAT_AU | SF_FORMAT_PCM_16},     {"p.caf", SF_FORMAT_CAF | SF_FORMAT_PCM_16},
                   {"p.w64", SF_FORMAT_W64 | SF_FORMAT_PCM_16},   {"p.rf64", SF_FORMAT_RF64 | SF_FORMAT_PCM_16},
                   {"p.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16}, {"p.ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS},
                   {"p.opus", SF_FORMAT_OGG | SF_FORMAT_OPUS},    {"p.sph", SF_FORMAT_NIST | SF_FORMAT_PCM_16},
                   {"p.svx", SF_FORMAT_SVX | SF_FORMAT_PCM_16},   {"p.ulaw", SF_FORMAT_WAV | SF_FORMAT_ULAW}};
    (void)state;
    for (size_t f = 0; f < STY_COUNT(formats); f++) {
        size_t n;
        char *bytes = scratch_read(write_sound(formats[f].name, formats[f].format, 1, 8000, 400), &n);
        const size_t step = n > 950 ? 23 : 3;
        for (size_t cut = 0; cut < n; cut += cut < 64 || cut + 32 > n ? 1 : step) {
            const char *path = scratch_file("cut", bytes, cut);
            const sty_status status = sty_clip_read(path, NULL, &clip, &err);
            if (status == STY_OK && sty_clip_facts(clip)->n_frames < 400)
                fail_msg("%s cut to %zu of %zu bytes gives %zu samples", formats[f].name, cut, n, sty_clip_facts(clip)->n_frames);
            if (status == STY_OK) sty_clip_free(clip);
            else if (status != STY_TRUNCATED && status != STY_NOT_AUDIO && status != STY_EMPTY && status != STY_UNSUPPORTED_CODEC)
                fail_msg("%s cut to %zu bytes: %s", formats[f].name, cut, err.message);
        }
        free(bytes);
    }
}

/* No size in a FLAC tells that it was cut: only the samples that do not come. */
static void a_flac_that_lost_its_last_block_is_truncated(void **state) {
    size_t n;
    (void)state;
    char *bytes = scratch_read(write_sound("cut.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 1, 8000, N), &n);
    refused(scratch_file("cut.flac", bytes, n - 40), NULL, STY_TRUNCATED);
    assert_non_null(strstr(err.message, "announces 5000 samples, 4096 are there"));
    free(bytes);
}

static void header_bytes_of_any_value_do_no_harm(void **state) {
    static const unsigned char values[] = {0x00, 0x01, 0x7F, 0x80, 0xFF};
    static const struct {
        const char *name;
        int format;
    } formats[] = {{"q.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16},   {"q.aiff", SF_FORMAT_AIFF | SF_FORMAT_PCM_16},
                   {"q.au", SF_FORMAT_AU | SF_FORMAT_PCM_16},     {"q.caf", SF_FORMAT_CAF | SF_FORMAT_ALAC_16},
                   {"q.w64", SF_FORMAT_W64 | SF_FORMAT_PCM_16},   {"q.rf64", SF_FORMAT_RF64 | SF_FORMAT_PCM_16},
                   {"q.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16}, {"q.ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS},
                   {"q.mp3", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III}, {"q.sph", SF_FORMAT_NIST | SF_FORMAT_PCM_16}};
    (void)state;
    for (size_t f = 0; f < STY_COUNT(formats); f++) {
        size_t n;
        char *bytes = scratch_read(write_sound(formats[f].name, formats[f].format, 1, 22050, 400), &n);
        for (size_t at = 0; at < 128 && at < n; at += at > 64 ? 2 : 1)
            for (size_t v = 0; v < STY_COUNT(values); v++) {
                const char kept = bytes[at];
                bytes[at] = (char)values[v];
                clip = NULL;
                if (sty_clip_read(scratch_file("changed", bytes, n), NULL, &clip, &err) == STY_OK) {
                    assert_true(sty_clip_facts(clip)->n_frames > 0);
                    sty_clip_free(clip);
                } else assert_null(clip);
                bytes[at] = kept;
            }
        free(bytes);
    }
}

static void without_memory_nothing_is_left_behind(void **state) {
    const char *path = write_sound("mem.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 1, 8000, N);
    (void)state;
    for (size_t n = 1;; n++) {
        sty_mem_fail_at(n, false);
        const sty_status status = sty_clip_read(path, NULL, &clip, &err);
        const size_t made = sty_mem_fail_at(0, false);
        if (status == STY_OK) {
            sty_clip_free(clip);
            assert_true(made < n);
            assert_true(n > 3); /* the clip, the block, the samples */
            break;
        }
        assert_int_equal(status, STY_OUT_OF_MEMORY);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_lossless_format_gives_the_samples),
        cmocka_unit_test(lossy_formats_give_as_many_samples),
        cmocka_unit_test(codings_with_known_errors_are_refused),
        cmocka_unit_test(names_do_not_decide_what_bytes_are),
        cmocka_unit_test(parts_begin_and_end_where_they_should),
        cmocka_unit_test(a_part_of_a_pipe_is_the_part_of_the_file),
        cmocka_unit_test(one_channel_can_be_chosen),
        cmocka_unit_test(values_that_are_no_sound_are_refused_or_zeroed),
        cmocka_unit_test(rates_and_channels_have_bounds),
        cmocka_unit_test(every_prefix_of_a_pcm_file_is_refused),
        cmocka_unit_test(a_flac_that_lost_its_last_block_is_truncated),
        cmocka_unit_test(header_bytes_of_any_value_do_no_harm),
        cmocka_unit_test(without_memory_nothing_is_left_behind),
    };
    return cmocka_run_group_tests(tests, make_wave, NULL);
}
