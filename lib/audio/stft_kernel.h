/* stft_kernel.h - the steps of a block of frames for one lane width. Floor 2.
 *
 * A template: stft_generic.c, stft_avx2.c and stft_avx512.c define STY_LANES and
 * STFT_NAME(x) and include it once each.
 *
 * The transform of N real samples is that of M = N / 2 complex numbers z[j] =
 * x[2j] + i x[2j+1], and that is done as R interleaved ones of S = M / R points by
 * KISS FFT, which is fast for S = 4^k that stays in the first cache, and a last
 * pass of ours which joins the R parts, takes the real spectrum out of the complex
 * one and squares it, all while a pair of bins k, M - k is in registers. */
#ifndef STFT_NAME
#define STFT_NAME(x) x##_alone
#endif

#include "audio/lanes.h"
#include "audio/stft_plan.h"

#ifdef STY_KISS_SOURCE
/* One compilation of KISS FFT for each width, under its own names. It is made for
 * any arithmetic type; what its macros cannot say for ours is said here. */
#undef KISS_FFT_SHARED /* nothing of it is exported */
#undef kiss_fft_scalar
#define kiss_fft_scalar lanes
#define kiss_fft_alloc STFT_NAME(kiss_fft_alloc)
#define kiss_fft_stride STFT_NAME(kiss_fft_stride)
#define kiss_fft STFT_NAME(kiss_fft)
#define kiss_fft_cleanup STFT_NAME(kiss_fft_cleanup)
#define kiss_fft_next_fast_size STFT_NAME(kiss_fft_next_fast_size)
/* the only memory it asks for while it runs: one column of a butterfly of 7 */
#define KISS_FFT_MALLOC(n) ((void *)(kiss_fft_cpx[8]){{{0}, {0}}})
#define KISS_FFT_FREE(p) ((void)(p))
#include <_kiss_fft_guts.h>
#undef KISS_FFT_COS
#undef KISS_FFT_SIN
#undef HALF_OF
#define KISS_FFT_COS(phase) lanes_set((float)cos(phase))
#define KISS_FFT_SIN(phase) lanes_set((float)sin(phase))
#define HALF_OF(x) ((x) * 0.5f)
#include <kiss_fft.c>
typedef kiss_fft_cpx cpx;
#else
typedef struct {
    lanes r, i;
} cpx;
#endif

/* ---- samples into lanes ---- */

/* to[j] = (x[2j], x[2j+1]) of every row for samples first to end (first and end are
 * even), multiplied by the window if there is one. */
LANES_INLINE void load_rows(const float *const *rows, const float *window, size_t first, size_t end, cpx *to) {
    const size_t whole = first + (end - first) / 4 * 4;
    lanes v[4];
    for (size_t s = first; s < whole; s += 4) {
        LANES_UNROLL
        for (int j = 0; j < 4; j++)
            v[j] = lanes_gather(rows + j, s);
        if (window) {
            const lanes w = lanes_repeat(window + s);
            LANES_UNROLL
            for (int j = 0; j < 4; j++)
                v[j] *= w;
        }
        lanes_turn(v);
        to[s / 2] = (cpx){v[0], v[1]};
        to[s / 2 + 1] = (cpx){v[2], v[3]};
    }
    for (size_t s = whole; s < end; s += 2)
        for (int l = 0; l < STY_LANES; l++) {
            to[s / 2].r[l] = rows[l][s] * (window ? window[s] : 1.0f);
            to[s / 2].i[l] = rows[l][s + 1] * (window ? window[s + 1] : 1.0f);
        }
}

/* Guard and root of a squared magnitude. */
LANES_INLINE lanes finish_power(const sty_stft_plan *plan, lanes p) {
    const lanes eps = lanes_set(plan->spec.eps);
    if (plan->spec.eps_clamps) p = lanes_at_least(p, eps);
    else p += eps;
    return plan->spec.root ? lanes_sqrt(p) : p;
}

/* ---- the last pass ---- */

LANES_INLINE cpx cpx_add(cpx a, cpx b) { return (cpx){a.r + b.r, a.i + b.i}; }
LANES_INLINE cpx cpx_sub(cpx a, cpx b) { return (cpx){a.r - b.r, a.i - b.i}; }
LANES_INLINE cpx cpx_mul(cpx a, sty_twiddle w) {
    const lanes c = lanes_set(w.r), s = lanes_set(w.i);
    return (cpx){lanes_fma(a.r, c, -(a.i * s)), lanes_fma(a.i, c, a.r * s)};
}
LANES_INLINE cpx cpx_turned(cpx a) { return (cpx){a.i, -a.r}; } /* -i a */

LANES_INLINE void join_4(cpx *z0, cpx *z1, cpx *z2, cpx *z3) {
    const cpx a = cpx_add(*z0, *z2), b = cpx_sub(*z0, *z2);
    const cpx c = cpx_add(*z1, *z3), d = cpx_turned(cpx_sub(*z1, *z3));
    *z0 = cpx_add(a, c);
    *z1 = cpx_add(b, d);
    *z2 = cpx_sub(a, c);
    *z3 = cpx_sub(b, d);
}

LANES_INLINE void join_8(cpx *z) {
    const float h = 0.70710678118654752f;
    cpx e[4] = {z[0], z[2], z[4], z[6]}, o[4] = {z[1], z[3], z[5], z[7]};
    join_4(&e[0], &e[1], &e[2], &e[3]);
    join_4(&o[0], &o[1], &o[2], &o[3]);
    o[1] = (cpx){(o[1].r + o[1].i) * h, (o[1].i - o[1].r) * h};
    o[2] = cpx_turned(o[2]);
    o[3] = (cpx){(o[3].i - o[3].r) * h, -((o[3].r + o[3].i) * h)};
    LANES_UNROLL
    for (int q = 0; q < 4; q++) {
        z[q] = cpx_add(e[q], o[q]);
        z[q + 4] = cpx_sub(e[q], o[q]);
    }
}

/* z[q] = Z[k + S q], q < R, from the parts' value k. */
LANES_INLINE void join(const sty_stft_plan *plan, const cpx *parts, size_t k, int radix, cpx *z) {
    const sty_twiddle *w = plan->join + k * (size_t)radix;
    z[0] = parts[k];
    LANES_UNROLL
    for (int r = 1; r < radix; r++)
        z[r] = cpx_mul(parts[(size_t)r * plan->part + k], w[r]);
    if (radix == 2) {
        const cpx a = z[0];
        z[0] = cpx_add(a, z[1]);
        z[1] = cpx_sub(a, z[1]);
    }
    if (radix == 4) join_4(&z[0], &z[1], &z[2], &z[3]);
    if (radix == 8) join_8(z);
}

/* Bins m and M - m of the real spectrum from a = Z[m] and b = Z[M - m] (halved by
 * the window). */
LANES_INLINE void pair(const sty_stft_plan *plan, size_t m, cpx a, cpx b, lanes *bins) {
    const cpx even = {a.r + b.r, a.i - b.i}, odd = {a.i + b.i, b.r - a.r};
    const cpx turned = cpx_mul(odd, plan->real[m]);
    const cpx x = cpx_add(even, turned), y = cpx_sub(even, turned);
    bins[m] = finish_power(plan, lanes_fma(x.r, x.r, x.i * x.i));
    bins[plan->half - m] = finish_power(plan, lanes_fma(y.r, y.r, y.i * y.i));
}

LANES_INLINE void last_pass(const sty_stft_plan *plan, const cpx *parts, int radix, lanes *bins) {
    const size_t part = plan->part;
    cpx z[8], mirrored[8];
    join(plan, parts, 0, radix, z);
    const lanes first = 2.0f * (z[0].r + z[0].i), last = 2.0f * (z[0].r - z[0].i);
    bins[0] = finish_power(plan, first * first);
    bins[plan->half] = finish_power(plan, last * last);
    LANES_UNROLL
    for (int q = 1; 2 * q <= radix; q++)
        pair(plan, part * (size_t)q, z[q], z[radix - q], bins);
    for (size_t k = 1; 2 * k < part; k++) {
        join(plan, parts, k, radix, z);
        join(plan, parts, part - k, radix, mirrored);
        LANES_UNROLL
        for (int q = 0; q < radix; q++)
            pair(plan, k + part * (size_t)q, z[q], mirrored[radix - 1 - q], bins);
    }
    if (part % 2 != 0) return;
    join(plan, parts, part / 2, radix, z);
    LANES_UNROLL
    for (int q = 0; 2 * q < radix; q++)
        pair(plan, part / 2 + part * (size_t)q, z[q], z[radix - 1 - q], bins);
}

/* The R parts of every row, in lanes. */
#ifdef STY_KISS_SOURCE
static void transform_parts(const sty_stft_plan *plan, const float *const *rows, cpx *parts) {
    cpx *in = plan->in;
    load_rows(rows, plan->window, plan->window_first, plan->window_end, in);
    for (size_t r = 0; r < plan->radix; r++)
        kiss_fft_stride(plan->kiss, in + r, parts + r * plan->part, (int)plan->radix);
}
#else
/* Row by row through the shared library, the results then turned into lanes. */
static void transform_parts(const sty_stft_plan *plan, const float *const *rows, cpx *parts) {
    const size_t n = plan->spec.n_fft;
    const float *done[STY_LANES];
    float *in = plan->in;
    for (size_t l = 0; l < STY_LANES; l++) {
        size_t s = plan->window_first;
        for (; s + 4 <= plan->window_end; s += 4)
            quad_store(in + s, quad_load(rows[l] + s) * quad_load(plan->window + s));
        for (; s < plan->window_end; s++)
            in[s] = rows[l][s] * plan->window[s];
        sty_stft_scalar(plan, in, plan->done + l * n);
        done[l] = plan->done + l * n;
    }
    load_rows(done, NULL, 0, n, parts);
}
#endif

static void transform(const sty_stft_plan *plan, const float *const *rows, lanes *bins) {
    cpx *parts = plan->parts;
    transform_parts(plan, rows, parts);
    switch (plan->radix) {
    case 1: last_pass(plan, parts, 1, bins); break;
    case 2: last_pass(plan, parts, 2, bins); break;
    case 4: last_pass(plan, parts, 4, bins); break;
    default: last_pass(plan, parts, 8, bins); break;
    }
}

/* ---- filters, logarithm, maps ---- */

LANES_INLINE lanes filter(const sty_mel_filter *f, const lanes *bins) {
    lanes a = lanes_set(0), b = a;
    const lanes *from = bins + f->first;
    size_t k = 0;
    for (; k + 2 <= f->n; k += 2) {
        a = lanes_fma(lanes_set(f->weights[k]), from[k], a);
        b = lanes_fma(lanes_set(f->weights[k + 1]), from[k + 1], b);
    }
    if (k < f->n) a = lanes_fma(lanes_set(f->weights[k]), from[k], a);
    return a + b;
}

/* Value f of the features. */
LANES_INLINE lanes value(const sty_stft_plan *plan, const lanes *bins, size_t f) {
    const sty_stft_spec *spec = &plan->spec;
    lanes v = spec->mel ? filter(&spec->mel->filters[f], bins) : bins[spec->first_bin + f];
    if (spec->log) {
        const lanes guard = lanes_set(spec->floor);
        v = lanes_at_most(v, lanes_set(spec->ceiling));
        if (spec->floor_adds) v += guard;
        else v = lanes_at_least(v, guard);
        v = lanes_log(v, plan->scale_e, plan->scale, plan->offset);
    } else if (plan->mapped) v = lanes_fma(v, lanes_set(plan->scale), lanes_set(plan->offset));
    if (spec->mean) v = v - spec->mean[f];
    if (spec->std) v = v / spec->std[f];
    v = lanes_at_least(v, lanes_set(spec->low));
    return lanes_at_most(v, lanes_set(spec->high));
}

static void write_features(const sty_stft_plan *plan, const lanes *bins, size_t n, float *features) {
    const size_t width = plan->spec.width;
    size_t f = 0;
    for (; f + 4 <= width; f += 4) {
        lanes v[4];
        LANES_UNROLL
        for (size_t j = 0; j < 4; j++)
            v[j] = value(plan, bins, f + j);
        lanes_turn(v); /* v[j]: four values of the frames j, j + 4, ... */
        LANES_UNROLL
        for (size_t group = 0; group < STY_LANES / 4; group++)
            LANES_UNROLL
            for (size_t j = 0; j < 4; j++)
                if (4 * group + j < n)
                    quad_store(features + (4 * group + j) * width + f, lanes_quad(v[j], group));
    }
    for (; f < width; f++) {
        const lanes v = value(plan, bins, f);
        for (size_t l = 0; l < n; l++)
            features[l * width + f] = v[l];
    }
}

/* ---- the table's row ---- */

static void run_block(const sty_stft_plan *plan, const float *const *rows, size_t n, float *features) {
    transform(plan, rows, plan->bins);
    write_features(plan, plan->bins, n, features);
}

/* Bytes of KISS FFT's plan, and the plan itself into mem of so many bytes. */
static size_t kiss_bytes(size_t n) {
    size_t n_bytes = 0;
#ifdef STY_KISS_SOURCE
    kiss_fft_alloc((int)n, 0, NULL, &n_bytes);
#else
    (void)n;
#endif
    return n_bytes;
}

static void kiss_plan(size_t n, void *mem) {
#ifdef STY_KISS_SOURCE
    size_t n_bytes = kiss_bytes(n);
    kiss_fft_alloc((int)n, 0, mem, &n_bytes);
#else
    (void)n, (void)mem;
#endif
}

const sty_stft_kernel STFT_NAME(sty_stft) = {
    .lanes = STY_LANES, .kiss_bytes = kiss_bytes, .kiss_plan = kiss_plan, .run = run_block};
