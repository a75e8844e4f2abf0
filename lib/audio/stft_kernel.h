/* stft_kernel.h - the steps of a block of frames for one lane width. Floor 2.
 *
 * A template: stft_generic.c, stft_neon.c, stft_avx2.c and stft_avx512.c define
 * STY_LANES and STFT_NAME(x) and include it once each.
 *
 * The transform of N real samples is that of M = N / 2 complex numbers z[j] =
 * x[2j] + i x[2j+1], and that is done as R interleaved ones of S = M / R points by
 * KISS FFT, which is fast for S = 4^k that stays in the first cache. Ours is what
 * surrounds it: for S = 4^k the windowed samples go through the twiddle-free leaf
 * butterflies on their way in, and KISS FFT's butterflies go on from there; the
 * last pass joins the R parts, takes the real spectrum out of the complex one and
 * squares it, all while a pair of bins k, M - k is in registers. What bounds these
 * loops is the number of loads and stores, not the arithmetic. */
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
#undef C_MUL
#define C_MUL(product, a, b) ((product) = kiss_mul(a, b))
LANES_INLINE kiss_fft_cpx kiss_mul(kiss_fft_cpx a, kiss_fft_cpx b) {
    const lanes r = lanes_held(a.r), i = lanes_held(a.i), c = lanes_held(b.r), s = lanes_held(b.i);
    return (kiss_fft_cpx){lanes_fma(r, c, -(i * s)), lanes_fma(r, s, i * c)};
}
#include <kiss_fft.c>
typedef kiss_fft_cpx cpx;
#else
typedef struct {
    lanes r, i;
} cpx;
#endif

/* ---- samples into lanes ---- */

/* v[j] = x[s + j] of every row, j < 4, multiplied by the window if there is one. */
LANES_INLINE void load_quad(const float *const *rows, const float *window, size_t s, lanes *v) {
    const lanes w = window ? lanes_repeat(window + s) : lanes_set(1);
    LANES_UNROLL
    for (int j = 0; j < 4; j++)
        v[j] = lanes_gather(rows + j, s) * w;
    lanes_turn(v);
}

/* to[j] = (x[2j], x[2j+1]) of every row for samples first to end (first and end are
 * even), multiplied by the window if there is one. */
LANES_INLINE void load_rows(const float *const *rows, const float *window, size_t first, size_t end, cpx *to) {
    const size_t whole = first + (end - first) / 4 * 4;
    lanes v[4];
    for (size_t s = first; s < whole; s += 4) {
        load_quad(rows, window, s, v);
        to[s / 2] = (cpx){v[0], v[1]};
        to[s / 2 + 1] = (cpx){v[2], v[3]};
    }
    for (size_t s = whole; s < end; s += 2)
        for (int l = 0; l < STY_LANES; l++) {
            to[s / 2].r[l] = rows[l][s] * (window ? window[s] : 1.0f);
            to[s / 2].i[l] = rows[l][s + 1] * (window ? window[s + 1] : 1.0f);
        }
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

/* What the last pass reads all the time, in variables whose address nobody has. */
typedef struct {
    size_t half, part, n_bins;
    const sty_twiddle *join, *real;
    lanes add, least;
    bool root;
} last;

/* z[q] = Z[k + S q], q < R, from the parts' value k. */
LANES_INLINE void join(const last *l, const cpx *parts, size_t k, int radix, cpx *z) {
    const sty_twiddle *w = l->join + k * (size_t)radix;
    z[0] = parts[k];
    LANES_UNROLL
    for (int r = 1; r < radix; r++)
        z[r] = cpx_mul(parts[(size_t)r * l->part + k], w[r]);
    if (radix == 2) {
        const cpx a = z[0];
        z[0] = cpx_add(a, z[1]);
        z[1] = cpx_sub(a, z[1]);
    }
    if (radix == 4) join_4(&z[0], &z[1], &z[2], &z[3]);
    if (radix == 8) join_8(z);
}

/* Guard and root of |x|^2. */
LANES_INLINE lanes magnitude(const last *l, cpx x) {
    const lanes p = lanes_at_least(lanes_fma(x.r, x.r, x.i * x.i) + l->add, l->least);
    return l->root ? lanes_sqrt(p) : p;
}

/* Bins m and M - m of the real spectrum from a = Z[m] and b = Z[M - m] (halved by
 * the window), if they are wanted. */
LANES_INLINE void pair(const last *l, size_t m, cpx a, cpx b, lanes *bins) {
    const cpx even = {a.r + b.r, a.i - b.i}, odd = {a.i + b.i, b.r - a.r};
    const cpx turned = cpx_mul(odd, l->real[m]);
    if (m < l->n_bins) bins[m] = magnitude(l, cpx_add(even, turned));
    if (l->half - m < l->n_bins) bins[l->half - m] = magnitude(l, cpx_sub(even, turned));
}

LANES_INLINE void last_pass(const sty_stft_plan *plan, const cpx *parts, int radix, bool root, lanes *bins) {
    const last l = {plan->half, plan->part, plan->n_bins, plan->join, plan->real, lanes_set(plan->add),
                    lanes_set(plan->least), root};
    cpx z[8], mirrored[8];
    join(&l, parts, 0, radix, z);
    bins[0] = magnitude(&l, (cpx){2.0f * (z[0].r + z[0].i), lanes_set(0)});
    bins[l.half] = magnitude(&l, (cpx){2.0f * (z[0].r - z[0].i), lanes_set(0)});
    LANES_UNROLL
    for (int q = 1; 2 * q <= radix; q++)
        pair(&l, l.part * (size_t)q, z[q], z[radix - q], bins);
    for (size_t k = 1; 2 * k < l.part; k++) {
        join(&l, parts, k, radix, z);
        join(&l, parts, l.part - k, radix, mirrored);
        LANES_UNROLL
        for (int q = 0; q < radix; q++)
            pair(&l, k + l.part * (size_t)q, z[q], mirrored[radix - 1 - q], bins);
    }
    if (l.part % 2 != 0) return;
    join(&l, parts, l.part / 2, radix, z);
    LANES_UNROLL
    for (int q = 0; 2 * q < radix; q++)
        pair(&l, l.part / 2 + l.part * (size_t)q, z[q], z[radix - 1 - q], bins);
}

/* The R parts of every row, in lanes. */
#ifdef STY_KISS_SOURCE
/* The first butterflies of parts of 4^k points need no twiddles: they are done while
 * the samples come in. The points c, c + M/4, c + M/2, c + 3M/4 make the four that
 * begin at place[c], in the order that KISS FFT's own butterflies go on from. */
static void first_pass(const sty_stft_plan *plan, const float *const *rows, cpx *parts) {
    const size_t quarter = plan->half / 4;
    const float *window = plan->window;
    const uint32_t *place = plan->place;
    for (size_t c = 0; c < quarter; c += 2) {
        lanes v[4][4];
        LANES_UNROLL
        for (size_t i = 0; i < 4; i++)
            load_quad(rows, window, 2 * (c + i * quarter), v[i]);
        LANES_UNROLL
        for (size_t h = 0; h < 2; h++) {
            cpx *to = parts + place[c + h], z[4];
            LANES_UNROLL
            for (int i = 0; i < 4; i++)
                z[i] = (cpx){v[i][2 * h], v[i][2 * h + 1]};
            join_4(&z[0], &z[1], &z[2], &z[3]);
            LANES_UNROLL
            for (int i = 0; i < 4; i++)
                to[i] = z[i];
        }
    }
}

/* The butterflies behind the first: quarter by quarter, so that what is small enough
 * stays in the first cache until it is done. */
static void later_passes(const sty_stft_plan *plan, cpx *x, size_t n) {
    const size_t m = n / 4;
    for (size_t i = 0; m > 4 && i < n; i += m)
        later_passes(plan, x + i, m);
    kf_bfly4(x, plan->part / n, plan->kiss, m);
}

static void transform_parts(const sty_stft_plan *plan, const float *const *rows, cpx *parts) {
    cpx *in = plan->in;
    if (plan->place) {
        first_pass(plan, rows, parts);
        for (size_t first = 0; first < plan->half; first += plan->part)
            later_passes(plan, parts + first, plan->part);
        return;
    }
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

LANES_INLINE void last_pass_of(const sty_stft_plan *plan, const cpx *parts, int radix, lanes *bins) {
    if (plan->spec.root) last_pass(plan, parts, radix, true, bins);
    else last_pass(plan, parts, radix, false, bins);
}

static void transform(const sty_stft_plan *plan, const float *const *rows, lanes *bins) {
    cpx *parts = plan->parts;
    transform_parts(plan, rows, parts);
    switch (plan->radix) {
    case 1: last_pass_of(plan, parts, 1, bins); break;
    case 2: last_pass_of(plan, parts, 2, bins); break;
    case 4: last_pass_of(plan, parts, 4, bins); break;
    default: last_pass_of(plan, parts, 8, bins); break;
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

/* What values are made with, in variables whose address nobody has. */
typedef struct {
    const sty_mel_filter *filters; /* NULL: linear */
    const lanes *bins;             /* linear: from the first one on */
    const float *mean, *std;
    size_t width;
    bool log, floor_adds, mapped;
    float floor, ceiling, scale_e, scale, offset, low, high;
} values;

LANES_INLINE values values_of(const sty_stft_plan *plan, const lanes *bins) {
    const sty_stft_spec *spec = &plan->spec;
    return (values){.filters = spec->mel ? spec->mel->filters : NULL,
                    .bins = spec->mel ? bins : bins + spec->first_bin,
                    .mean = spec->mean,
                    .std = spec->std,
                    .width = spec->width,
                    .log = spec->log,
                    .floor_adds = spec->floor_adds,
                    .mapped = plan->mapped,
                    .floor = spec->floor,
                    .ceiling = spec->ceiling,
                    .scale_e = plan->scale_e,
                    .scale = plan->scale,
                    .offset = plan->offset,
                    .low = spec->low,
                    .high = spec->high};
}

/* v[j] = value f + j of the features; behind the last one, the last one again. */
LANES_INLINE void four_values(const values *of, size_t f, lanes v[4]) {
    LANES_FOUR {
        const size_t at = f + (size_t)j < of->width ? f + (size_t)j : of->width - 1;
        v[j] = of->filters ? filter(&of->filters[at], of->bins) : of->bins[at];
    }
    if (of->log) {
        LANES_FOUR {
            v[j] = lanes_at_most(v[j], lanes_set(of->ceiling));
            if (of->floor_adds) v[j] += lanes_set(of->floor);
            else v[j] = lanes_at_least(v[j], lanes_set(of->floor));
        }
        lanes_log(v, of->scale_e, of->scale, of->offset);
    } else if (of->mapped) LANES_FOUR v[j] = lanes_fma(v[j], lanes_set(of->scale), lanes_set(of->offset));
    LANES_FOUR {
        const size_t at = f + (size_t)j < of->width ? f + (size_t)j : of->width - 1;
        if (of->mean) v[j] = v[j] - of->mean[at];
        if (of->std) v[j] = v[j] / of->std[at];
        v[j] = lanes_at_most(lanes_at_least(v[j], lanes_set(of->low)), lanes_set(of->high));
    }
}

static void write_features(const sty_stft_plan *plan, const lanes *bins, size_t n, float *features) {
    const values of = values_of(plan, bins);
    for (size_t f = 0; f < of.width; f += 4) {
        lanes v[4];
        four_values(&of, f, v);
        lanes_turn(v); /* v[j]: four values of the frames j, j + 4, ... */
        LANES_UNROLL
        for (size_t group = 0; group < STY_LANES / 4; group++)
            LANES_UNROLL
            for (size_t j = 0; j < 4; j++) {
                float *to = features + (4 * group + j) * of.width + f;
                const quad four = lanes_quad(v[j], group);
                if (4 * group + j >= n) break;
                if (f + 4 <= of.width) quad_store(to, four);
                else memcpy(to, &four, (of.width - f) * sizeof *to);
            }
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
