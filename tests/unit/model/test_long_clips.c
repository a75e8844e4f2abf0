/* Recordings that are not held but decoded as they are run: the features are those of the
 * recording in memory, bit for bit, whatever is done to the samples; and so are errors. */
#include "base/check.h"
#include "model/session.h"
#include "random.h"
#include "scratch.h"
#include "unit.h"

#include <math.h>
#include <sndfile.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = (1 << 22) + 70000 }; /* samples beyond which a recording is not held, and some more */

static float *samples; /* [MOST], quiet at both ends */
static sty_err err;

static int make_samples(void **state) {
    (void)state;
    samples = malloc(MOST * sizeof *samples);
    if (!samples) return 1;
    for (size_t i = 0; i < MOST; i++) {
        const double size = i < 50000 || i > MOST - 90000 ? 0.0005 : 0.3;
        samples[i] = (float)(size * sin((double)i * (0.05 + 0.01 * sin((double)i * 0.001))));
    }
    return 0;
}

static int free_samples(void **state) {
    (void)state;
    free(samples);
    return 0;
}

static const char *written(const char *name, int format, int channels, int rate_hz) {
    SF_INFO info = {.format = format, .channels = channels, .samplerate = rate_hz};
    const char *path = scratch_path(name);
    SNDFILE *file = sf_open(path, SFM_WRITE, &info);
    assert_non_null(file);
    for (size_t i = 0; i < MOST; i += 65536) /* some encoders keep a whole call on the stack */
        sf_write_float(file, samples + i, (sf_count_t)(MOST - i < 65536 ? MOST - i : 65536) / channels * channels);
    sf_close(file);
    return path;
}

static sty_clip *read_clip(const char *path, int stream, sty_status wanted) {
    const sty_clip_options how = {.stream = stream};
    sty_clip *clip = NULL;
    const sty_status status = sty_clip_read(path, &how, &clip, &err);
    if (status != wanted) fail_msg("%s: %s", path, status ? err.message : "was read");
    return clip;
}

static void compare(const char *path, const char *const *overrides, size_t n_overrides) {
    const sty_model_options how = {.overrides = overrides, .n_overrides = n_overrides};
    sty_model *model = NULL;
    sty_session *one = NULL, *other = NULL;
    sty_view a, b;
    sty_clip *held = read_clip(path, 0, STY_OK), *streamed = read_clip(path, 1, STY_OK);
    assert_non_null(sty_clip_samples(held));
    assert_null(sty_clip_samples(streamed));
    assert_int_equal(sty_clip_facts(held)->n_frames, sty_clip_facts(streamed)->n_frames);
    if (sty_model_from_preset("librosa", &how, &model, &err) || sty_session_create(model, NULL, 0, &one, &err) ||
        sty_session_create(model, NULL, 0, &other, &err))
        fail_msg("%s", err.message);
    for (int i = 0; i < 2; i++) { /* and again: a clip may be run more than once */
        if (sty_session_run_front_end(one, held, &err) || sty_session_run_front_end(other, streamed, &err) ||
            sty_session_output(one, "features", &a, &err) || sty_session_output(other, "features", &b, &err))
            fail_msg("%s: %s", path, err.message);
        assert_int_equal(a.dim[0], b.dim[0]);
        if (memcmp(a.data, b.data, a.dim[0] * a.dim[1] * sizeof *a.data) != 0)
            fail_msg("%s: other features when it is not held, with %zu values set", path, n_overrides);
    }
    sty_session_free(one);
    sty_session_free(other);
    sty_model_free(model);
    sty_clip_free(held);
    sty_clip_free(streamed);
}

static void features_are_those_of_the_recording_in_memory(void **state) {
    static const char *const plain[] = {"sample_rate=16000"};
    static const char *const steps[] = {"sample_rate=16000", "trim=30", "level=rms", "level_target=-20", "pre_emphasis=0.97",
                                        "pad_samples=700", "clip=true", "input_gain=0.9", "cut_head_ms=100", "cut_tail_ms=55"};
    static const char *const mixed[] = {"sample_rate=16000", "order=level,pad,pre_emphasis,trim,cut,clip", "level=min_max",
                                        "trim=20", "trim_padding=constant", "pad_samples=333", "padding=none", "frame_multiple=7"};
    static const char *const faster[] = {"sample_rate=24000", "trim=25", "pad_mode=constant"};
    (void)state;
    const char *path = written("long.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 1, 16000);
    compare(path, plain, STY_COUNT(plain));
    compare(path, steps, STY_COUNT(steps));
    compare(path, mixed, STY_COUNT(mixed));
    compare(path, faster, STY_COUNT(faster));
    compare(written("long2.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 2, 44100), steps, STY_COUNT(steps));
    compare(written("long.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 1, 16000), plain, STY_COUNT(plain));
    compare(written("long.ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS, 1, 16000), plain, STY_COUNT(plain));
}

static void parts_of_long_recordings_are_the_same_too(void **state) {
    (void)state;
    const char *path = written("part.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 1, 16000);
    const sty_clip_options how = {.stream = 1, .start_s = 1.25, .end_s = 265.5};
    sty_clip *clip = NULL, *part = NULL, *held = read_clip(path, 0, STY_OK);
    if (sty_clip_read(path, &how, &clip, &err) != STY_OK) fail_msg("%s", err.message);
    assert_null(sty_clip_samples(clip));
    assert_int_equal(sty_clip_facts(clip)->n_frames, 264.25 * 16000);
    for (int i = 0; i < 6; i++) {
        const size_t begin = random_below(4000000), end = begin + 1 + random_below(100000);
        assert_int_equal(sty_clip_cut(clip, begin, end, &part, &err), STY_OK);
        assert_memory_equal(sty_clip_samples(part), sty_clip_samples(held) + 20000 + begin, (end - begin) * sizeof(float));
        sty_clip_free(part);
    }
    sty_clip_free(clip);
    sty_clip_free(held);
}

/* Status and message of a recording that goes wrong somewhere, held or not. */
static void compare_errors(const char *path, sty_status wanted) {
    sty_err first;
    sty_model *model = NULL;
    sty_session *session = NULL;
    const sty_clip_options how = {.stream = 1};
    sty_clip *clip = read_clip(path, 0, wanted);
    first = err;
    assert_int_equal(sty_model_from_preset("librosa", NULL, &model, &err), STY_OK);
    assert_int_equal(sty_session_create(model, NULL, 0, &session, &err), STY_OK);
    sty_status status = sty_clip_read(path, &how, &clip, &err);
    if (status == STY_OK) status = sty_session_run_front_end(session, clip, &err);
    assert_int_equal(status, wanted);
    assert_string_equal(err.message, first.message);
    sty_clip_free(clip);
    sty_session_free(session);
    sty_model_free(model);
}

static void errors_are_those_of_the_recording_in_memory(void **state) {
    static const size_t places[] = {5, 16383, 16384, MOST - 1};
    size_t n;
    (void)state;
    for (size_t i = 0; i < STY_COUNT(places); i++) {
        const float before = samples[places[i]];
        samples[places[i]] = NAN;
        compare_errors(written("nan.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 1, 16000), STY_NONFINITE);
        samples[places[i]] = before;
    }
    const char *path = written("whole.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 1, 16000);
    char *bytes = scratch_read(path, &n);
    for (int i = 0; i < 4; i++)
        compare_errors(scratch_file("cut.flac", bytes, n / 2 + random_below(n / 2 - 20000)), STY_TRUNCATED);
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(features_are_those_of_the_recording_in_memory),
        cmocka_unit_test(parts_of_long_recordings_are_the_same_too),
        cmocka_unit_test(errors_are_those_of_the_recording_in_memory),
    };
    return cmocka_run_group_tests(tests, make_samples, free_samples);
}
