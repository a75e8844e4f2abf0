/* Sample rates: lengths, time, level, and that a converter can be used again. */
#include "audio/resample.h"
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double tau = 6.283185307179586;
static sty_err err;

static void lengths_are_rounded_up(void **state) {
    (void)state;
    assert_int_equal(sty_resample_length(44100, 44100, 16000), 16000);
    assert_int_equal(sty_resample_length(44101, 44100, 16000), 16001);
    assert_int_equal(sty_resample_length(1, 44100, 16000), 1);
    assert_int_equal(sty_resample_length(0, 44100, 16000), 0);
    assert_int_equal(sty_resample_length(3, 1000, 768000), 2304);
    assert_true(sty_resample_length(SIZE_MAX, 1000, 16000) == SIZE_MAX);
}

/* A tone inside the band of both rates comes out as the same tone at the same times. */
static void a_tone_keeps_time_and_level(void **state) {
    static const int rates[][2] = {{44100, 16000}, {8000, 16000}, {48000, 22050}, {16000, 24000}, {11025, 96000}, {192000, 16000}};
    (void)state;
    for (size_t r = 0; r < STY_COUNT(rates); r++) {
        const size_t n = (size_t)rates[r][0] / 2, m = sty_resample_length(n, rates[r][0], rates[r][1]);
        float *x = calloc(n, sizeof *x), *y = calloc(m, sizeof *y);
        sty_resampler *resampler;
        for (size_t i = 0; i < n; i++)
            x[i] = (float)sin(tau * 1000 * (double)i / rates[r][0]);
        assert_int_equal(sty_resampler_create(rates[r][0], rates[r][1], &resampler, &err), STY_OK);
        assert_int_equal(sty_resampler_in_hz(resampler), rates[r][0]);
        assert_int_equal(sty_resampler_run(resampler, x, n, y, &err), STY_OK);
        /* HQ is specified to -100 dB in the pass band; the ends carry the filter's edge */
        for (size_t i = m / 5; i < m * 4 / 5; i++)
            if (fabs((double)y[i] - sin(tau * 1000 * (double)i / rates[r][1])) > 5e-5)
                fail_msg("%d to %d Hz: sample %zu is %g", rates[r][0], rates[r][1], i, (double)y[i]);
        sty_resampler_free(resampler);
        free(x);
        free(y);
    }
}

static void what_is_above_the_new_band_is_gone(void **state) {
    enum { N = 24000, M = 8000 };
    static float x[N], y[M];
    sty_resampler *resampler;
    (void)state;
    for (size_t i = 0; i < N; i++)
        x[i] = (float)sin(tau * 9500 * (double)i / 48000);
    assert_int_equal(sty_resampler_create(48000, 16000, &resampler, &err), STY_OK);
    assert_int_equal(sty_resampler_run(resampler, x, N, y, &err), STY_OK);
    for (size_t i = M / 5; i < M * 4 / 5; i++)
        assert_true(fabsf(y[i]) < 2e-5f); /* -94 dB */
    sty_resampler_free(resampler);
}

static void a_second_run_gives_the_same_bits(void **state) {
    enum { N = 5000, M = 1815 };
    static float x[N], first[M], again[M];
    sty_resampler *resampler;
    (void)state;
    assert_int_equal(sty_resample_length(N, 44100, 16000), M);
    for (size_t i = 0; i < N; i++)
        x[i] = (float)((double)(i * 7919 % 1000) / 500 - 1);
    assert_int_equal(sty_resampler_create(44100, 16000, &resampler, &err), STY_OK);
    assert_int_equal(sty_resampler_run(resampler, x, N, first, &err), STY_OK);
    assert_int_equal(sty_resampler_run(resampler, x, 700, again, &err), STY_OK); /* another length between */
    assert_int_equal(sty_resampler_run(resampler, x, N, again, &err), STY_OK);
    assert_memory_equal(first, again, sizeof first);
    sty_resampler_free(resampler);
    sty_resampler_free(NULL);
}

/* Behind the end there are zeros for the filter: a constant is still near one there.
 * (4410 samples make a whole number; else the last one may be librosa's zero.) */
static void the_last_sample_is_computed(void **state) {
    enum { N = 4410 };
    static float x[N], y[2 * N];
    static const int rates[] = {16000, 22050, 8000, 88200};
    (void)state;
    for (size_t i = 0; i < N; i++)
        x[i] = 1;
    for (size_t r = 0; r < STY_COUNT(rates); r++) {
        sty_resampler *resampler;
        const size_t m = sty_resample_length(N, 44100, rates[r]);
        assert_int_equal(sty_resampler_create(44100, rates[r], &resampler, &err), STY_OK);
        assert_int_equal(sty_resampler_run(resampler, x, N, y, &err), STY_OK);
        if (!(y[m - 1] > 0.4f)) fail_msg("%d Hz: %g", rates[r], (double)y[m - 1]);
        sty_resampler_free(resampler);
    }
}

static void the_shortest_clips_fill_their_length(void **state) {
    float x[3] = {0.5f, 0.5f, 0.5f}, y[8];
    sty_resampler *resampler;
    (void)state;
    assert_int_equal(sty_resampler_create(44100, 16000, &resampler, &err), STY_OK);
    for (size_t n = 1; n <= 3; n++) {
        for (size_t i = 0; i < STY_COUNT(y); i++)
            y[i] = NAN;
        assert_int_equal(sty_resampler_run(resampler, x, n, y, &err), STY_OK);
        for (size_t i = 0, m = sty_resample_length(n, 44100, 16000); i < m; i++)
            assert_true(isfinite(y[i]));
        assert_true(isnan(y[sty_resample_length(n, 44100, 16000)]) != 0); /* and no more */
    }
    sty_resampler_free(resampler);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_are_rounded_up),
        cmocka_unit_test(a_tone_keeps_time_and_level),
        cmocka_unit_test(what_is_above_the_new_band_is_gone),
        cmocka_unit_test(a_second_run_gives_the_same_bits),
        cmocka_unit_test(the_last_sample_is_computed),
        cmocka_unit_test(the_shortest_clips_fill_their_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
