/* Blocks of frames against a float64 computation, on every lane width. Sixteen lanes
 * are also compiled here without AVX-512, so that they are tested on any machine.
 *
 * Bounds. Transforms in float32 err by a few roundings of the largest bin: 1e-6 of
 * it (about 8 roundings; 2 to 4 are seen). Filters add sums of positive terms, so
 * the same holds relative to the largest mel. The logarithm is within 3.1e-8 of ln
 * before two roundings of results up to 88: one part in 2^22. */
#define STY_LANES 16
#define STFT_NAME(x) x##_sixteen

#include "audio/stft_kernel.h"
#include "unit.h"

#include <math.h>

extern const sty_stft_kernel sty_stft_sixteen;

enum { LARGEST = 4096, N_ROWS = 16, N_KERNELS = STY_N_CPUS + 1 };

static const sty_stft_kernel *kernel_at(int i) {
    if (i == STY_N_CPUS) return &sty_stft_sixteen;
    return sty_cpu_has((sty_cpu)i) ? sty_stft_kernel_of((sty_cpu)i) : NULL;
}

/* Sizes with every radix and every factor: odd parts, 3, 5, 7, parts above a page. */
static const size_t sizes[] = {16, 18, 20, 28, 64, 98, 250, 400, 512, 882, 1000, 1024, 1200, 2048, 4096};

static float samples[LARGEST + 300 * N_ROWS], window[LARGEST];
static double want[N_ROWS][LARGEST / 2 + 1];

static void fill(void) {
    uint32_t seed = 20261122;
    for (size_t i = 0; i < STY_COUNT(samples); i++) {
        seed = seed * 1664525u + 1013904223u;
        samples[i] = (float)((double)(seed >> 8) / 8388608.0 - 1.0) * 0.3f + 0.6f * (float)sin(0.05 * (double)i);
    }
}

/* A Hann window of n - n / 4 samples in the middle: some of it is zero. */
static void make_window(size_t n) {
    const size_t length = n - n / 4, left = (n - length) / 2;
    for (size_t i = 0; i < n; i++) {
        const bool inside = i >= left && i < left + length;
        window[i] = inside ? (float)(0.5 - 0.5 * cos(6.283185307179586 * (double)(i - left) / (double)length)) : 0;
    }
}

static void rows_of(const float **rows, size_t hop) {
    for (size_t l = 0; l < N_ROWS; l++)
        rows[l] = samples + l * hop;
}

static double magnitudes(const float *x, size_t n, double *out) {
    static double cosine[LARGEST], sine[LARGEST];
    double largest = 0;
    for (size_t i = 0; i < n; i++) {
        cosine[i] = cos(6.283185307179586 * (double)i / (double)n);
        sine[i] = sin(6.283185307179586 * (double)i / (double)n);
    }
    for (size_t k = 0; k <= n / 2; k++) {
        double re = 0, im = 0;
        for (size_t i = 0; i < n; i++) {
            const double v = (double)x[i] * (double)window[i];
            re += v * cosine[i * k % n];
            im -= v * sine[i * k % n];
        }
        out[k] = sqrt(re * re + im * im);
        if (out[k] > largest) largest = out[k];
    }
    return largest;
}

static sty_stft_spec linear(size_t n) {
    return (sty_stft_spec){.n_fft = n, .window = window, .root = true, .width = n / 2 + 1, .scale = 1,
                           .ceiling = INFINITY, .low = -INFINITY, .high = INFINITY};
}

static void compare(const sty_stft_kernel *kernel, size_t n, size_t n_rows, double largest) {
    const sty_stft_spec spec = linear(n);
    const float *rows[N_ROWS];
    sty_stft *stft = NULL;
    float *got = sty_alloc(N_ROWS * spec.width, sizeof *got);
    rows_of(rows, 300);
    assert_int_equal(sty_stft_create_for(kernel, &spec, &stft, NULL), STY_OK);
    sty_stft_run(stft, rows, kernel->lanes, got);
    for (size_t l = 0; l < n_rows; l++)
        for (size_t k = 0; k < spec.width; k++)
            assert_true(fabs((double)got[l * spec.width + k] - want[l][k]) <= 1e-6 * largest);
    sty_stft_free(stft);
    sty_free(got);
}

static void every_size_and_width_agrees_with_float64(void **state) {
    (void)state;
    fill();
    for (size_t i = 0; i < STY_COUNT(sizes); i++) {
        double largest = 0;
        make_window(sizes[i]);
        const size_t n_rows = sizes[i] > 1200 ? 2 : N_ROWS; /* a naive DFT takes its time */
        for (size_t l = 0; l < n_rows; l++)
            largest = fmax(largest, magnitudes(samples + l * 300, sizes[i], want[l]));
        for (int k = 0; k < N_KERNELS; k++) {
            const sty_stft_kernel *kernel = kernel_at(k);
            if (kernel) compare(kernel, sizes[i], n_rows < kernel->lanes ? n_rows : kernel->lanes, largest);
        }
    }
}

/* A whole program: filters, logarithm, maps, per-bin mean and deviation. */
static void whole(const sty_mel *mel, const float *mean, const float *std, sty_stft_spec *spec) {
    *spec = linear(1024);
    spec->mel = mel;
    spec->width = mel->n_mels;
    spec->log = true;
    spec->floor = 1e-5f;
    spec->scale = 20 / log(10.0) / 100;
    spec->offset = 0.8;
    spec->mean = mean;
    spec->std = std;
    spec->high = 0.9f;
}

static void a_frame_has_the_same_bytes_in_every_place(void **state) {
    const sty_mel_spec design = {.n_fft = 1024, .n_mels = 83, .rate_hz = 16000, .fmax_hz = 8000, .slaney_norm = true};
    enum { M = 83 };
    static float mean[M], std[M], alone[M], block[N_ROWS * M];
    sty_arena arena = {0};
    sty_mel mel;
    sty_stft_spec spec;
    (void)state;
    fill();
    make_window(1024);
    for (size_t i = 0; i < M; i++) {
        mean[i] = 0.01f * (float)i;
        std[i] = 1.0f + 0.1f * (float)i;
    }
    assert_int_equal(sty_mel_create(&design, &arena, &mel, NULL), STY_OK);
    whole(&mel, mean, std, &spec);
    for (int k = 0; k < N_KERNELS; k++) {
        const sty_stft_kernel *kernel = kernel_at(k);
        const float *rows[N_ROWS], *same[N_ROWS];
        sty_stft *stft = NULL;
        if (!kernel) continue;
        rows_of(rows, 211);
        assert_int_equal(sty_stft_create_for(kernel, &spec, &stft, NULL), STY_OK);
        for (size_t l = 0; l < N_ROWS; l++)
            same[l] = rows[5];
        sty_stft_run(stft, same, 1, alone);
        for (size_t place = 0; place < kernel->lanes; place++) {
            const float *other = rows[place];
            rows[place] = samples + 5 * 211;
            memset(block, 0, sizeof block);
            sty_stft_run(stft, rows, place + 1, block);
            assert_memory_equal(block + place * M, alone, sizeof alone);
            for (size_t i = (place + 1) * M; i < N_ROWS * M; i++)
                assert_true(block[i] == 0); /* nothing is written behind the frames */
            rows[place] = other;
        }
        sty_stft_free(stft);
    }
    sty_arena_clear(&arena);
}

/* Bins that no filter touches are left out; one more filter at the top needs them all. */
static void filters_give_the_same_bytes_whether_the_bins_above_them_are_computed_or_not(void **state) {
    const sty_mel_spec design = {.n_fft = 1024, .n_mels = 40, .rate_hz = 16000, .fmax_hz = 4000, .slaney_norm = true};
    enum { M = 40 };
    static float low[N_ROWS * M], all[N_ROWS * (M + 1)];
    const float top[] = {1};
    sty_arena arena = {0};
    sty_mel mel;
    (void)state;
    fill();
    make_window(1024);
    assert_int_equal(sty_mel_create(&design, &arena, &mel, NULL), STY_OK);
    sty_mel_filter filters[M + 1];
    memcpy(filters, mel.filters, M * sizeof *filters);
    filters[M] = (sty_mel_filter){.first = 512, .n = 1, .weights = top};
    const sty_mel with_top = {.n_mels = M + 1, .n_bins = mel.n_bins, .filters = filters};
    for (int k = 0; k < N_KERNELS; k++) {
        const sty_stft_kernel *kernel = kernel_at(k);
        const float *rows[N_ROWS];
        sty_stft_spec spec = linear(1024);
        sty_stft *stft = NULL;
        if (!kernel) continue;
        rows_of(rows, 256);
        for (int with = 0; with < 2; with++) {
            spec.mel = with ? &with_top : &mel;
            spec.width = spec.mel->n_mels;
            assert_int_equal(sty_stft_create_for(kernel, &spec, &stft, NULL), STY_OK);
            sty_stft_run(stft, rows, kernel->lanes, with ? all : low);
            sty_stft_free(stft);
        }
        for (size_t l = 0; l < kernel->lanes; l++)
            assert_memory_equal(low + l * M, all + l * (M + 1), M * sizeof *low);
    }
    sty_arena_clear(&arena);
}

static void the_logarithm_is_right_to_float32(void **state) {
    (void)state;
    for (double x = 1.2e-38; x < 3e38; x *= 1.0007) {
        const float v = (float)x;
        lanes y[4] = {lanes_set(v), lanes_set(v), lanes_set(v), lanes_set(v)};
        lanes_log(y, (float)log(2.0), 1, 0);
        const double right = log((double)v);
        for (int j = 0; j < 4; j++)
            assert_true(fabs((double)y[j][3] - right) <= fmax(1, fabs(right)) / 4194304);
    }
    lanes one[4] = {lanes_set(1), lanes_set(1), lanes_set(1), lanes_set(1)};
    lanes_log(one, 1, 1, 0);
    assert_true(one[0][0] == 0);
}

static void the_logarithm_and_the_limits_keep_nan_and_infinity(void **state) {
    (void)state;
    const lanes a = {1, (float)NAN, INFINITY, 2};
    lanes y[4] = {a, a, a, a};
    lanes_log(y, 0.69f, 1, 0.5f);
    for (int j = 0; j < 4; j++)
        assert_true(y[j][0] == 0.5f && isnan(y[j][1]) && isinf(y[j][2]) && isfinite(y[j][3]));
    const lanes limited = lanes_at_most(lanes_at_least(a, lanes_set(1.5f)), lanes_set(3));
    assert_true(limited[0] == 1.5f && isnan(limited[1]) && limited[2] == 3 && limited[3] == 2);
}

static void a_nan_stays_in_its_frame(void **state) {
    static float bad[1024], got[N_ROWS * 513];
    const sty_stft_spec spec = linear(1024);
    (void)state;
    fill();
    make_window(1024);
    memcpy(bad, samples, sizeof bad);
    bad[512] = (float)NAN;
    for (int k = 0; k < N_KERNELS; k++) {
        const sty_stft_kernel *kernel = kernel_at(k);
        const float *rows[N_ROWS];
        sty_stft *stft = NULL;
        if (!kernel) continue;
        rows_of(rows, 100);
        rows[2] = bad;
        assert_int_equal(sty_stft_create_for(kernel, &spec, &stft, NULL), STY_OK);
        sty_stft_run(stft, rows, kernel->lanes, got);
        for (size_t l = 0; l < kernel->lanes; l++)
            assert_true(isnan(got[l * 513 + 40]) == (l == 2));
        sty_stft_free(stft);
    }
}

static void only_even_sizes_of_small_factors_are_transformed(void **state) {
    static const size_t wrong[] = {0, 1, 8, 14, 17, 22, 1023, 1025, 2 * 11 * 64, 2 * 509, 65538, 131072};
    (void)state;
    for (size_t i = 0; i < STY_COUNT(wrong); i++)
        assert_false(sty_stft_size_ok(wrong[i]));
    for (size_t i = 0; i < STY_COUNT(sizes); i++)
        assert_true(sty_stft_size_ok(sizes[i]));
    assert_true(sty_stft_size_ok(65536));
}

static void running_allocates_nothing(void **state) {
    const sty_stft_spec spec = linear(98); /* with a factor of seven */
    static float got[N_ROWS * 50];
    (void)state;
    make_window(98);
    for (int k = 0; k < N_KERNELS; k++) {
        const sty_stft_kernel *kernel = kernel_at(k);
        const float *rows[N_ROWS];
        sty_stft *stft = NULL;
        if (!kernel) continue;
        rows_of(rows, 10);
        assert_int_equal(sty_stft_create_for(kernel, &spec, &stft, NULL), STY_OK);
        sty_mem_fail_at(0, false);
        sty_stft_run(stft, rows, kernel->lanes, got);
        assert_int_equal(sty_mem_fail_at(0, false), 0);
        sty_stft_free(stft);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_and_width_agrees_with_float64),
        cmocka_unit_test(a_frame_has_the_same_bytes_in_every_place),
        cmocka_unit_test(filters_give_the_same_bytes_whether_the_bins_above_them_are_computed_or_not),
        cmocka_unit_test(the_logarithm_is_right_to_float32),
        cmocka_unit_test(the_logarithm_and_the_limits_keep_nan_and_infinity),
        cmocka_unit_test(a_nan_stays_in_its_frame),
        cmocka_unit_test(only_even_sizes_of_small_factors_are_transformed),
        cmocka_unit_test(running_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
