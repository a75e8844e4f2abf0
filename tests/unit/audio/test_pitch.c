/* test_pitch.c - the pitch tracker on sounds whose pitch is known. */
#include "audio/pitch.h"
#include "unit.h"

#include <math.h>

static const double PI = 3.14159265358979323846;

/* A buzz of ten harmonics that glides from f0 by so many octaves a second. */
static float *glide(size_t n, int rate_hz, double f0, double octaves_s) {
    float *x = sty_alloc(n, sizeof *x);
    double phase = 0;
    assert_non_null(x);
    for (size_t i = 0; i < n; i++) {
        const double f = f0 * exp2(octaves_s * (double)i / rate_hz);
        phase += 2 * PI * f / rate_hz;
        for (int k = 1; k <= 10 && k * f < rate_hz / 2.0; k++)
            x[i] += (float)(0.1 * sin(k * phase) / k);
    }
    return x;
}

static void follow(const float *x, size_t n, int rate_hz, double f0, double octaves_s) {
    sty_arena arena = {0};
    sty_err err;
    float *track;
    size_t frames;
    assert_int_equal(sty_pitch_track(x, n, rate_hz, &arena, &track, &frames, &err), STY_OK);
    assert_true(frames >= n / ((size_t)rate_hz / 100));
    for (size_t i = 5; i + 6 < frames; i++) {
        const double want = f0 * exp2(octaves_s * 0.01 * (double)i);
        /* a tenth of a semitone: the window is 55 ms long, over which a glide is no single pitch */
        assert_true(fabs(12 * log2((double)track[i] / want)) < 0.1);
    }
    sty_arena_clear(&arena);
}

static void a_buzz_is_followed_at_any_pitch_and_rate(void **state) {
    static const int rates[] = {8000, 16000, 22050, 44100};
    static const double tones[] = {65, 100, 180, 320, 500};
    (void)state;
    for (size_t r = 0; r < STY_COUNT(rates); r++)
        for (size_t k = 0; k < STY_COUNT(tones); k++) {
            const size_t n = (size_t)rates[r];
            float *x = glide(n, rates[r], tones[k], 0);
            follow(x, n, rates[r], tones[k], 0);
            sty_free(x);
        }
}

static void a_glide_is_followed(void **state) {
    (void)state;
    float *x = glide(32000, 16000, 100, 0.8);
    follow(x, 32000, 16000, 100, 0.8);
    sty_free(x);
}

static void noise_and_silence_have_no_pitch(void **state) {
    sty_arena arena = {0};
    float *track;
    size_t frames, voiced = 0;
    unsigned seed = 7;
    (void)state;
    float *x = sty_alloc(16000, sizeof *x);
    assert_non_null(x);
    assert_int_equal(sty_pitch_track(x, 16000, 16000, &arena, &track, &frames, NULL), STY_OK);
    for (size_t i = 0; i < frames; i++)
        assert_true(track[i] == 0.0f);
    for (size_t i = 0; i < 16000; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(seed >> 8) / 16777216.0f - 0.5f;
    }
    assert_int_equal(sty_pitch_track(x, 16000, 16000, &arena, &track, &frames, NULL), STY_OK);
    for (size_t i = 0; i < frames; i++)
        voiced += track[i] > 0;
    assert_true(voiced < frames / 20);
    sty_free(x);
    sty_arena_clear(&arena);
}

static void a_few_samples_and_none_are_no_error(void **state) {
    sty_arena arena = {0};
    const float x[3] = {0.1f, -0.1f, 0.1f};
    float *track;
    size_t frames;
    (void)state;
    for (size_t n = 0; n <= 3; n++) {
        assert_int_equal(sty_pitch_track(x, n, 16000, &arena, &track, &frames, NULL), STY_OK);
        assert_int_equal(frames, 1);
    }
    sty_arena_clear(&arena);
}

static void running_out_of_memory_is_an_error_at_any_allocation(void **state) {
    (void)state;
    float *x = glide(8000, 16000, 120, 0);
    for (size_t at = 1; at < 100; at++) {
        sty_arena arena = {0};
        float *track;
        size_t frames;
        sty_mem_fail_at(at, false);
        const sty_status status = sty_pitch_track(x, 8000, 16000, &arena, &track, &frames, NULL);
        sty_mem_fail_at(0, false);
        sty_arena_clear(&arena);
        if (status == STY_OK) {
            assert_true(at > 1); /* something was refused before */
            sty_free(x);
            return;
        }
        assert_int_equal(status, STY_OUT_OF_MEMORY);
    }
    fail_msg("never succeeded");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buzz_is_followed_at_any_pitch_and_rate),
        cmocka_unit_test(a_glide_is_followed),
        cmocka_unit_test(noise_and_silence_have_no_pitch),
        cmocka_unit_test(a_few_samples_and_none_are_no_error),
        cmocka_unit_test(running_out_of_memory_is_an_error_at_any_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
