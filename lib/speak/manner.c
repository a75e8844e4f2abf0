/* manner.c - see manner.h. One pass over the levels, one over the pitch; the
 * percentiles are numpy's, so that these numbers are those the labels were made with. */
#include "speak/manner.h"

#include "audio/pitch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FEWEST_VOICED = 10 };
static const double ACTIVE_DB = 30;
/* what is a pause to praat, as scripts that count syllables set it: closures of stops are shorter */
static const double SPEAKING_DB = 25;
enum { FEWEST_SOUND = 5, FEWEST_PAUSE = 12 };

typedef struct {
    float *f0_hz;  /* [n] */
    double *level; /* [n], dB */
    double *sorted; /* [n] work */
    size_t n;
    double threshold;
    sty_arena arena;
} track;

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* numpy.percentile of sorted values, n > 0. */
static double percentile(const double *sorted, size_t n, double percent) {
    const double place = percent / 100 * (double)(n - 1);
    const size_t low = (size_t)place, high = low + 1 < n ? low + 1 : low;
    return sorted[low] + (place - (double)low) * (sorted[high] - sorted[low]);
}

/* Levels of 10 ms frames, each the mean of three neighbours. */
static void measure_levels(track *t, const float *x, int rate_hz) {
    const size_t hop = (size_t)rate_hz / 100;
    for (size_t i = 0; i < t->n; i++) {
        double sum = 0;
        for (size_t k = 0; k < hop; k++)
            sum += (double)x[i * hop + k] * (double)x[i * hop + k];
        t->sorted[i] = sum / (double)hop;
    }
    for (size_t i = 0; i < t->n; i++) {
        const double before = t->sorted[i > 0 ? i - 1 : 0], after = t->sorted[i + 1 < t->n ? i + 1 : i];
        t->level[i] = 10 * log10((before + t->sorted[i] + after) / 3 + 1e-10);
    }
    memcpy(t->sorted, t->level, t->n * sizeof *t->level);
    qsort(t->sorted, t->n, sizeof *t->sorted, ascending);
    t->threshold = percentile(t->sorted, t->n, 95) - ACTIVE_DB;
}

/* The levels, and F0 where pitch is set. */
static sty_status follow(track *t, const float *x, size_t n, int rate_hz, bool pitch, sty_err *err) {
    size_t n_f0 = SIZE_MAX;
    if (pitch) STY_TRY(sty_pitch_track(x, n, rate_hz, &t->arena, &t->f0_hz, &n_f0, err));
    t->n = n / ((size_t)rate_hz / 100);
    if (t->n > n_f0) t->n = n_f0;
    t->level = sty_arena_alloc(&t->arena, t->n, sizeof *t->level);
    t->sorted = sty_arena_alloc(&t->arena, t->n, sizeof *t->sorted);
    if (!t->level || !t->sorted) return sty_err_no_memory(err, t->n * sizeof *t->level, "the levels");
    if (t->n) measure_levels(t, x, rate_hz);
    return STY_OK;
}

static void summarise_f0(track *t, sty_manner *m) {
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < t->n; i++)
        if (t->f0_hz[i] > 0) t->sorted[n++] = (double)t->f0_hz[i];
    if (n < FEWEST_VOICED) return;
    qsort(t->sorted, n, sizeof *t->sorted, ascending);
    m->f0_hz = percentile(t->sorted, n, 50);
    for (size_t i = 0; i < n; i++)
        if (t->sorted[i] > m->f0_hz / 2 && t->sorted[i] < m->f0_hz * 2) t->sorted[kept++] = t->sorted[i];
    m->range_st = 12 * log2(percentile(t->sorted, kept, 90) / percentile(t->sorted, kept, 10));
}

static void summarise_levels(const track *t, sty_manner *m) {
    double power = 0;
    size_t active = 0, voiced = 0;
    for (size_t i = 0; i < t->n; i++) {
        if (!(t->level[i] > t->threshold)) continue;
        power += pow(10, t->level[i] / 10);
        active++;
        voiced += t->f0_hz && t->f0_hz[i] > 0;
    }
    if (active == 0) return;
    m->level_dbfs = 10 * log10(power / (double)active);
    m->voiced = (double)voiced / (double)active;
}

/* Runs of sound shorter than FEWEST_SOUND count as pause, then pauses within speech shorter than FEWEST_PAUSE as speech. */
static double speaking_time(const track *t) {
    double loudest = -INFINITY;
    size_t frames = 0, end = 0; /* behind the sound before */
    for (size_t i = 0; i < t->n; i++)
        loudest = fmax(loudest, t->level[i]);
    for (size_t i = 0, next; i < t->n; i = next) {
        for (next = i; next < t->n && t->level[next] > loudest - SPEAKING_DB;)
            next++;
        if (next - i >= FEWEST_SOUND) {
            if (end > 0 && i - end < FEWEST_PAUSE) frames += i - end;
            frames += next - i;
            end = next;
        }
        next += next == i;
    }
    return (double)frames / 100;
}

static void look_for_speech(const track *t, const sty_manner *m, sty_speechlike *facts) {
    size_t runs = 0, steps = 0, steady = 0, active = 0;
    for (size_t i = 0; i < t->n; i++) {
        const bool voice = t->f0_hz[i] > 0, before = i > 0 && t->f0_hz[i - 1] > 0;
        active += t->level[i] > t->threshold;
        runs += voice && !before;
        steps += voice && before;
        steady += voice && before && fabs(12 * log2((double)t->f0_hz[i] / (double)t->f0_hz[i - 1])) < 0.02;
    }
    *facts = (sty_speechlike){.active_s = (double)active / 100, .speaking_s = speaking_time(t), .voiced = active ? m->voiced : 0,
                              .level_dbfs = active ? m->level_dbfs : -INFINITY,
                              .runs_s = active ? (double)runs / ((double)active / 100) : 0,
                              .steady = steps ? (double)steady / (double)steps : 0};
}

sty_status sty_manner_measure(const float *x, size_t n, int rate_hz, sty_manner *manner, sty_speechlike *facts, sty_err *err) {
    track t = {0};
    *manner = (sty_manner){NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    const sty_status status = follow(&t, x, n, rate_hz, true, err);
    if (status == STY_OK) {
        summarise_levels(&t, manner);
        if (facts) look_for_speech(&t, manner, facts);
        summarise_f0(&t, manner);
    }
    sty_arena_clear(&t.arena);
    return status;
}

sty_status sty_manner_level(const float *x, size_t n, int rate_hz, double *level_dbfs, sty_err *err) {
    track t = {0};
    sty_manner m = {.level_dbfs = -INFINITY};
    const sty_status status = follow(&t, x, n, rate_hz, false, err);
    if (status == STY_OK) summarise_levels(&t, &m);
    *level_dbfs = m.level_dbfs;
    sty_arena_clear(&t.arena);
    return status;
}

sty_status sty_manner_rate(const double *times, size_t n, double *rate_syl_s, sty_err *err) {
    size_t gaps = 0;
    double sum = 0;
    *rate_syl_s = NAN;
    if (n < 2) return STY_OK;
    double *gap = sty_alloc(n, sizeof *gap);
    if (!gap) return sty_err_no_memory(err, n * sizeof *gap, "the syllables");
    for (size_t i = 1; i < n; i++)
        if (times[i] - times[i - 1] > 0.02) gap[gaps++] = times[i] - times[i - 1];
    qsort(gap, gaps, sizeof *gap, ascending);
    const double longest = gaps ? 2.2 * percentile(gap, gaps, 50) : 0;
    for (size_t i = 0; i < gaps; i++)
        sum += fmin(gap[i], longest);
    if (gaps >= 3) *rate_syl_s = (double)gaps / sum;
    sty_free(gap);
    return STY_OK;
}
