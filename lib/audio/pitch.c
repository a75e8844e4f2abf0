/* pitch.c - see pitch.h. Works on the signal at 8 kHz: voiced speech has its
 * harmonics well below 4 kHz, and direct sums over the lags are then fast enough to
 * need no transform. Between the lags the autocorrelation, which is band-limited, is
 * interpolated by a windowed sinc, so a peak is found to a small part of a sample. */
#include "audio/pitch.h"

#include "audio/resample.h"

#include <math.h>
#include <string.h>

enum {
    RATE = 8000,
    HOP = 80,
    WINDOW = 436,   /* three periods of the lowest F0 */
    LOW_LAG = 13,   /* of the highest */
    HIGH_LAG = 146, /* of the lowest */
    REACH = 6,      /* of the interpolation, lags to each side */
    LAGS = HIGH_LAG + REACH + 2,
    CANDIDATES = 6,
    STATES = CANDIDATES + 1 /* state 0: no voice */
};

static const double VOICING = 0.45, SILENCE = 0.03, OCTAVE_COST = 0.015, JUMP_COST = 0.5, VOICE_COST = 0.14;
static const double PI = 3.14159265358979323846;

typedef struct {
    double score[STATES], log2_hz[STATES];
    int n, back[STATES];
} frame;

typedef struct {
    float window[WINDOW], work[WINDOW];
    double window_r[LAGS]; /* autocorrelation of the window, 1 at lag 0 */
    double r[LAGS];
} tracker;

/* sum[lag] of x[i] x[i + lag], four lags at a time so that sums do not wait for each other. */
static void correlate(const float *x, double *r) {
    for (size_t lag = 0; lag < LAGS; lag += 4) {
        float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        size_t i = 0;
        for (; i + lag + 3 < WINDOW; i++) {
            const float v = x[i], *y = x + i + lag;
            s0 += v * y[0];
            s1 += v * y[1];
            s2 += v * y[2];
            s3 += v * y[3];
        }
        const float last[4] = {s0, s1, s2, s3};
        for (size_t k = 0; k < 4 && lag + k < LAGS; k++) {
            double sum = (double)last[k];
            for (size_t j = i; j + lag + k < WINDOW; j++)
                sum += (double)(x[j] * x[j + lag + k]);
            r[lag + k] = sum;
        }
    }
}

static void prepare(tracker *t) {
    for (size_t i = 0; i < WINDOW; i++)
        t->window[i] = (float)(0.5 - 0.5 * cos(2 * PI * ((double)i + 1) / (WINDOW + 1)));
    correlate(t->window, t->window_r);
    for (size_t k = LAGS; k-- > 0;)
        t->window_r[k] /= t->window_r[0];
}

/* The autocorrelation at a lag between whole ones. */
static double at_lag(const tracker *t, double lag) {
    const int middle = (int)lag;
    double sum = 0;
    for (int k = middle - REACH + 1; k <= middle + REACH; k++) {
        const double d = lag - k, x = PI * d;
        const double sinc = fabs(d) < 1e-9 ? 1 : sin(x) / x * (0.5 + 0.5 * cos(x / (REACH + 1)));
        sum += sinc * t->r[k < 0 ? -k : k];
    }
    return sum;
}

/* The peak near a whole lag: a parabola through points half a sample apart. */
static double refine(const tracker *t, double *lag) {
    double middle = *lag, step = 0.5, height = at_lag(t, middle);
    for (int round = 0; round < 2; round++, step *= 0.5) {
        const double left = at_lag(t, middle - step), right = at_lag(t, middle + step), curve = 2 * height - left - right;
        if (curve <= 1e-12) break;
        const double shift = 0.5 * (right - left) / curve;
        middle += step * (shift < -1 ? -1 : shift > 1 ? 1 : shift);
        height = at_lag(t, middle);
    }
    *lag = middle;
    return height > 1 ? 1 / height : height;
}

static void keep(frame *f, double score, double log2_hz) {
    int worst = 1;
    if (f->n < STATES) worst = f->n++;
    else {
        for (int k = 2; k < STATES; k++)
            if (f->score[k] < f->score[worst]) worst = k;
        if (score <= f->score[worst]) return;
    }
    f->score[worst] = score;
    f->log2_hz[worst] = log2_hz;
}

/* Windows the frame without its mean; its largest sample in the middle half. */
static double cut(tracker *t, const float *x) {
    double mean = 0, peak = 0;
    for (size_t i = 0; i < WINDOW; i++)
        mean += (double)x[i] / WINDOW;
    for (size_t i = 0; i < WINDOW; i++) {
        const double v = (double)x[i] - mean;
        if (i >= WINDOW / 4 && i < WINDOW - WINDOW / 4) peak = fmax(peak, fabs(v));
        t->work[i] = (float)(v * (double)t->window[i]);
    }
    return peak;
}

static void find_candidates(tracker *t, const float *x, double loudest, frame *f) {
    const double peak = cut(t, x);
    f->n = 1;
    f->score[0] = VOICING + fmax(0, 2 - peak / loudest / (SILENCE / (1 + VOICING)));
    f->log2_hz[0] = 0;
    correlate(t->work, t->r);
    if (t->r[0] <= 1e-12) return;
    const double power = t->r[0];
    for (size_t k = 0; k < LAGS; k++)
        t->r[k] = t->r[k] / power / t->window_r[k];
    for (int lag = LOW_LAG; lag <= HIGH_LAG; lag++) {
        if (!(t->r[lag] > t->r[lag - 1] && t->r[lag] >= t->r[lag + 1] && t->r[lag] > 0.5 * VOICING)) continue;
        double exact = lag;
        const double height = refine(t, &exact), hz = RATE / exact;
        if (hz < STY_PITCH_LOW_HZ || hz > STY_PITCH_HIGH_HZ) continue;
        keep(f, height - OCTAVE_COST * log2(STY_PITCH_HIGH_HZ / hz), log2(hz));
    }
}

/* Scores become those of the best path up to the frame. */
static void extend(const frame *before, frame *f) {
    for (int k = 0; k < f->n; k++) {
        double best = -INFINITY;
        for (int j = 0; j < before->n; j++) {
            double total = before->score[j];
            if (j > 0 && k > 0) total -= JUMP_COST * fabs(before->log2_hz[j] - f->log2_hz[k]);
            else if (j > 0 || k > 0) total -= VOICE_COST;
            if (total <= best) continue;
            best = total;
            f->back[k] = j;
        }
        f->score[k] += best;
    }
}

static void walk_back(const frame *frames, size_t n, float *f0_hz) {
    int state = 0;
    for (int k = 1; k < frames[n - 1].n; k++)
        if (frames[n - 1].score[k] > frames[n - 1].score[state]) state = k;
    for (size_t i = n; i-- > 0; state = frames[i].back[state])
        f0_hz[i] = state ? (float)exp2(frames[i].log2_hz[state]) : 0.0f;
}

/* x at 8 kHz, with half a window of zeros before it and more than that behind: [*n_low]. */
static sty_status lower(const float *x, size_t n, int rate_hz, sty_arena *arena, float **padded, size_t *n_low,
                        sty_err *err) {
    sty_resampler *resampler = NULL;
    *n_low = sty_resample_length(n, rate_hz, RATE);
    *padded = *n_low > SIZE_MAX / 8 ? NULL
                                    : sty_arena_alloc(arena, *n_low + WINDOW + HOP + STY_RESAMPLE_SLACK, sizeof **padded);
    if (!*padded) return sty_err_no_memory(err, *n_low, "the pitch tracker");
    if (rate_hz == RATE) {
        memcpy(*padded + WINDOW / 2, x, n * sizeof *x);
        return STY_OK;
    }
    STY_TRY(sty_resampler_create(rate_hz, RATE, &resampler, err));
    const sty_status status = sty_resampler_run(resampler, x, n, *padded + WINDOW / 2, err);
    sty_resampler_free(resampler);
    return status;
}

sty_status sty_pitch_track(const float *x, size_t n, int rate_hz, sty_arena *arena, float **f0_hz, size_t *n_frames,
                           sty_err *err) {
    float *padded;
    size_t n_low;
    double loudest = 1e-9;
    STY_TRY(lower(x, n, rate_hz, arena, &padded, &n_low, err));
    *n_frames = 1 + n_low / HOP;
    *f0_hz = sty_arena_alloc(arena, *n_frames, sizeof **f0_hz);
    frame *frames = sty_arena_alloc(arena, *n_frames, sizeof *frames);
    tracker *t = sty_arena_alloc(arena, 1, sizeof *t);
    if (!*f0_hz || !frames || !t) return sty_err_no_memory(err, *n_frames * sizeof *frames, "the pitch tracker");
    for (size_t i = 0; i < n_low; i++)
        loudest = fmax(loudest, fabs((double)padded[WINDOW / 2 + i]));
    prepare(t);
    for (size_t i = 0; i < *n_frames; i++) {
        find_candidates(t, padded + i * HOP, loudest, &frames[i]);
        if (i > 0) extend(&frames[i - 1], &frames[i]);
    }
    walk_back(frames, *n_frames, *f0_hz);
    return STY_OK;
}
