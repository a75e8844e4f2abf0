/* stft.c - plans: tables, sizes, one block of memory for each session.
 *
 * How the complex transform is split: KISS FFT is dear in its leaf of two points
 * and cheap in those of four, and its data should stay in the first cache. So the
 * smallest factor R in 1, 2, 4, 8 is taken that leaves a part with an even number
 * of factors two and of at most PART points; without one, the smallest that leaves
 * an even number. It is the same for every width, so that all paths round alike. */
#include "audio/stft_plan.h"

#include <kiss_fft.h>
#include <math.h>

enum { PART = 256 };

static const double two_pi = 6.283185307179586476925286766559;

struct sty_stft {
    const sty_stft_kernel *kernel;
    sty_stft_plan plan;
    sty_arena arena;
};

bool sty_stft_size_ok(size_t n_fft) {
    if (n_fft < 16 || n_fft > 65536 || n_fft % 2 != 0) return false;
    for (size_t prime = 2; prime <= 7; prime++)
        while (n_fft % prime == 0)
            n_fft /= prime;
    return n_fft == 1;
}

const char *sty_stft_transform(void) {
#ifdef STY_KISS_SOURCE
    return "vector";
#else
    return "scalar";
#endif
}

static bool even_twos(size_t n) {
    size_t twos = 0;
    for (; n % 2 == 0; n /= 2)
        twos++;
    return twos % 2 == 0;
}

static size_t choose_radix(size_t half) {
    size_t fallback = 0;
    for (size_t radix = 1; radix <= 8; radix *= 2) {
        if (half % radix != 0 || !even_twos(half / radix)) continue;
        if (half / radix <= PART) return radix;
        if (!fallback) fallback = radix;
    }
    return fallback ? fallback : 1;
}

/* ---- the shared library ---- */

void sty_stft_scalar(const sty_stft_plan *plan, const float *x, float *out) {
    const kiss_fft_cpx *in = (const kiss_fft_cpx *)(const void *)x;
    kiss_fft_cpx *to = (kiss_fft_cpx *)(void *)out;
    for (size_t r = 0; r < plan->radix; r++)
        kiss_fft_stride(plan->kiss, in + r, to + r * plan->part, (int)plan->radix);
}

static bool plan_scalar(sty_stft_plan *plan, size_t lanes, sty_arena *arena) {
    size_t n_bytes = 0;
    kiss_fft_alloc((int)plan->part, 0, NULL, &n_bytes);
    plan->kiss = sty_arena_alloc(arena, n_bytes, 1);
    plan->in = sty_arena_alloc(arena, plan->spec.n_fft, sizeof(float));
    plan->done = sty_arena_alloc(arena, plan->spec.n_fft, lanes * sizeof(float));
    if (!plan->kiss || !plan->in || !plan->done) return false;
    kiss_fft_alloc((int)plan->part, 0, plan->kiss, &n_bytes);
    return true;
}

/* ---- the vector form ---- */

static bool power_of_four(size_t n) {
    while (n % 4 == 0)
        n /= 4;
    return n == 1;
}

/* Where the first butterflies go: point c belongs to the part c mod R, and there at
 * c / R with its digits to the base 4 reversed. */
static bool plan_places(sty_stft_plan *plan, sty_arena *arena) {
    plan->place = sty_arena_alloc(arena, plan->half / 4, sizeof *plan->place);
    if (!plan->place) return false;
    for (size_t c = 0; c < plan->half / 4; c++) {
        size_t reversed = 0, left = c / plan->radix;
        for (size_t n = plan->part; n > 4; n /= 4, left /= 4)
            reversed = 4 * reversed + left % 4;
        plan->place[c] = (uint32_t)(c % plan->radix * plan->part + 4 * reversed);
    }
    return true;
}

static bool plan_vector(sty_stft_plan *plan, const sty_stft_kernel *kernel, sty_arena *arena) {
    plan->kiss = sty_arena_alloc(arena, kernel->kiss_bytes(plan->part), 1);
    if (!plan->kiss) return false;
    kernel->kiss_plan(plan->part, plan->kiss);
    if (power_of_four(plan->part) && plan->part >= 16) return plan_places(plan, arena);
    plan->in = sty_arena_alloc(arena, plan->half, 2 * kernel->lanes * sizeof(float));
    return plan->in != NULL;
}

/* ---- both ---- */

static sty_twiddle twiddle(size_t number, size_t of) {
    const double phase = -two_pi * (double)(number % of) / (double)of;
    return (sty_twiddle){(float)cos(phase), (float)sin(phase)};
}

static bool plan_last_pass(sty_stft_plan *plan, size_t lanes, sty_arena *arena) {
    plan->radix = choose_radix(plan->half);
    plan->part = plan->half / plan->radix;
    plan->join = sty_arena_alloc(arena, plan->half, sizeof *plan->join);
    plan->real = sty_arena_alloc(arena, plan->half + 1, sizeof *plan->real);
    plan->parts = sty_arena_alloc(arena, plan->half, 2 * lanes * sizeof(float));
    if (!plan->join || !plan->real || !plan->parts) return false;
    for (size_t k = 0; k < plan->part; k++)
        for (size_t r = 0; r < plan->radix; r++)
            plan->join[k * plan->radix + r] = twiddle(r * k, plan->half);
    for (size_t m = 0; m <= plan->half; m++)
        plan->real[m] = twiddle(m, plan->spec.n_fft);
    return true;
}

static bool plan_window(sty_stft_plan *plan, sty_arena *arena) {
    const size_t n = plan->spec.n_fft;
    size_t first = 0, end = n;
    plan->window = sty_arena_alloc(arena, n, sizeof *plan->window);
    if (!plan->window) return false;
    for (size_t i = 0; i < n; i++)
        plan->window[i] = 0.5f * plan->spec.window[i];
    while (first < n && plan->window[first] == 0)
        first++;
    while (end > first && plan->window[end - 1] == 0)
        end--;
    plan->window_first = first / 4 * 4;
    plan->window_end = (end + 3) / 4 * 4 < n ? (end + 3) / 4 * 4 : n;
    return true;
}

static size_t bins_of(const sty_stft_spec *spec) {
    size_t n = spec->mel ? 0 : spec->first_bin + spec->width;
    for (size_t m = 0; spec->mel && m < spec->mel->n_mels; m++) {
        const sty_mel_filter *filter = &spec->mel->filters[m];
        if (filter->first + filter->n > n) n = filter->first + filter->n;
    }
    return n;
}

void sty_stft_change(sty_stft *stft, const sty_stft_spec *spec) {
    sty_stft_plan *plan = &stft->plan;
    plan->spec = *spec;
    plan->scale = (float)spec->scale;
    plan->scale_e = (float)(spec->scale * log(2.0));
    plan->offset = (float)spec->offset;
    plan->n_bins = bins_of(spec);
    plan->add = spec->eps_clamps ? 0 : spec->eps;
    plan->least = spec->eps_clamps ? spec->eps : 0;
    plan->mapped = spec->scale != 1 || spec->offset != 0;
}

sty_status sty_stft_create_for(const sty_stft_kernel *kernel, const sty_stft_spec *spec, sty_stft **stft,
                               sty_err *err) {
    sty_assert(sty_stft_size_ok(spec->n_fft));
    sty_stft *made = sty_alloc(1, sizeof *made);
    if (!made) return sty_err_no_memory(err, sizeof *made, "a transform");
    sty_stft_plan *plan = &made->plan;
    made->kernel = kernel;
    sty_stft_change(made, spec);
    plan->half = spec->n_fft / 2;
    plan->bins = sty_arena_alloc(&made->arena, plan->half + 1, kernel->lanes * sizeof(float));
    bool ok = plan->bins && plan_window(plan, &made->arena) && plan_last_pass(plan, kernel->lanes, &made->arena);
    if (ok && kernel->kiss_bytes(16) > 0) ok = plan_vector(plan, kernel, &made->arena);
    else if (ok) ok = plan_scalar(plan, kernel->lanes, &made->arena);
    if (ok) *stft = made;
    else sty_stft_free(made);
    return ok ? STY_OK : sty_err_no_memory(err, spec->n_fft * sizeof(float), "a transform");
}

const sty_stft_kernel *sty_stft_kernel_of(sty_cpu cpu) {
#if defined(__x86_64__)
    if (cpu == STY_CPU_AVX512) return &sty_stft_avx512;
    if (cpu == STY_CPU_AVX2) return &sty_stft_avx2;
#elif defined(__aarch64__)
    if (cpu == STY_CPU_NEON) return &sty_stft_neon;
#endif
    (void)cpu;
    return &sty_stft_generic;
}

sty_status sty_stft_create(const sty_stft_spec *spec, sty_cpu cpu, sty_stft **stft, sty_err *err) {
    return sty_stft_create_for(sty_stft_kernel_of(cpu), spec, stft, err);
}

void sty_stft_free(sty_stft *stft) {
    if (!stft) return;
    sty_arena_clear(&stft->arena);
    sty_free(stft);
}

size_t sty_stft_lanes(const sty_stft *stft) { return stft->kernel->lanes; }

void sty_stft_run(sty_stft *stft, const float *const *rows, size_t n, float *features) {
    stft->kernel->run(&stft->plan, rows, n, features);
}
