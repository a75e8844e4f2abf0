/* wave.c - sample operations; sums in double. */
#include "audio/wave.h"

#include <math.h>
#include <string.h>

/* Samples that loops take at once; sums run side by side, always the same ones. */
enum { PART = 8 };

void sty_wave_mix(const float *interleaved, size_t n, int n_channels, float *mono) {
    const float scale = 1.0f / (float)n_channels;
    for (size_t i = 0; i < n; i++, interleaved += n_channels) {
        float sum = 0.0f;
        for (int c = 0; c < n_channels; c++)
            sum += interleaved[c];
        mono[i] = n_channels == 1 ? sum : sum * scale;
    }
}

void sty_wave_pre_emphasis(const float *x, size_t n, float coefficient, float previous, float *y) {
    size_t i = n;
    for (; i > PART; i -= PART) { /* from the end: y may be x */
        float part[PART];
        for (size_t j = 0; j < PART; j++)
            part[j] = x[i - PART + j] - coefficient * x[i - PART + j - 1];
        memcpy(y + i - PART, part, sizeof part);
    }
    for (; i-- > 1;)
        y[i] = x[i] - coefficient * x[i - 1];
    if (n > 0) y[0] = x[0] - coefficient * previous;
}

static void scale(float *x, size_t n, double factor) {
    for (size_t i = 0; i < n; i++)
        x[i] = (float)((double)x[i] * factor);
}

const sty_wave_range STY_WAVE_NOTHING = {.low = (double)INFINITY, .high = -(double)INFINITY};

void sty_wave_measure(const float *x, size_t n, sty_wave_range *range) {
    double low = range->low, high = range->high, squares = range->squares;
    for (size_t i = 0; i < n; i++) {
        const double v = (double)x[i];
        low = v < low ? v : low;
        high = v > high ? v : high;
        squares += v * v;
    }
    *range = (sty_wave_range){low, high, squares, range->n + n};
}

void sty_wave_level(float *x, size_t n, sty_level level, double target, const sty_wave_range *range) {
    const double low = range->low, high = range->high;
    const double peak = fmax(fabs(low), fabs(high));
    if (range->n == 0 || level == STY_LEVEL_NONE || peak == 0) return;
    if (level == STY_LEVEL_PEAK) scale(x, n, target / peak);
    if (level == STY_LEVEL_RMS) scale(x, n, sqrt((double)range->n * pow(10, target / 10) / range->squares));
    if (level == STY_LEVEL_SOFT_PEAK && peak > 1) scale(x, n, 1 / fmin(target, peak));
    if (level == STY_LEVEL_MIN_MAX && high > low)
        for (size_t i = 0; i < n; i++)
            x[i] = (float)(((double)x[i] - (high + low) / 2) / (high - low));
}

void sty_wave_clip(float *x, size_t n, float low, float high) {
    for (size_t i = 0; i < n; i++)
        x[i] = x[i] < low ? low : x[i] > high ? high : x[i];
}

size_t sty_wave_reflect(long long index, size_t n) {
    if (n == 1) return 0;
    const long long period = 2 * ((long long)n - 1);
    long long i = index % period;
    if (i < 0) i += period;
    return (size_t)(i < (long long)n ? i : period - i);
}

/* Sample `at` of the signal that goes on beyond its ends, squared; x begins at first. */
static double square_at(const float *x, size_t first, size_t n, long long at, bool reflected) {
    const bool inside = at >= 0 && at < (long long)n;
    if (!inside && !reflected) return 0;
    const double v = (double)x[(inside ? (size_t)at : sty_wave_reflect(at, n)) - first];
    return v * v;
}

/* Sum of `count` of them from `from` on. */
static double squares(const float *x, size_t first, size_t n, long long from, size_t count, bool reflected) {
    const bool inside = from >= 0 && from + (long long)count <= (long long)n;
    double sum[4] = {0};
    size_t i = 0;
    for (; inside && i + 4 <= count; i += 4)
        for (size_t j = 0; j < 4; j++)
            sum[j] += (double)x[(size_t)from + i + j - first] * (double)x[(size_t)from + i + j - first];
    for (; i < count; i++)
        sum[i % 4] += square_at(x, first, n, from + (long long)i, reflected);
    return sum[0] + sum[1] + (sum[2] + sum[3]);
}

/* A frame is heard when 10 log10(max(p, 1e-10) / max(loudest, 1e-10)) > -top_db. */
static bool heard(double power, double loudest, double top_db) {
    return 10 * log10(fmax(power, 1e-10)) - 10 * log10(fmax(loudest, 1e-10)) > -top_db;
}

/* Frames of the padded signal of n + 2 (frame / 2) samples. */
static size_t trim_frames(size_t n, size_t frame, size_t hop) {
    const size_t padded = n + frame / 2 * 2;
    return padded < frame ? 1 : (padded - frame) / hop + 1;
}

size_t sty_wave_trim_hops(size_t n, const sty_wave_trim_rule *rule) {
    return trim_frames(n, rule->frame, rule->hop) + rule->frame / rule->hop;
}

/* Frame i is `whole` hops and the head of the next: mean square from their sums. */
static double frame_power(const double *sums, size_t i, size_t frame, size_t hop) {
    const size_t whole = frame / hop;
    double squares = 0;
    for (size_t j = i; j < i + whole; j++)
        squares += sums[2 * j];
    if (frame % hop) squares += sums[2 * (i + whole) + 1];
    return squares / (double)frame;
}

/* Squares of every hop (even places) and of its first frame % hop samples (odd
 * places), once for each sample; frames share them. */
void sty_wave_trim_sums(const float *x, size_t first, size_t n, const sty_wave_trim_rule *rule, size_t from,
                        size_t to, double *sums) {
    const size_t hop = rule->hop, head = rule->frame % hop;
    for (size_t i = from; i < to; i++) {
        const long long begin = (long long)(i * hop) - (long long)(rule->frame / 2);
        sums[2 * i + 1] = squares(x, first, n, begin, head, rule->reflected);
        sums[2 * i] = sums[2 * i + 1] + squares(x, first, n, begin + (long long)head, hop - head, rule->reflected);
    }
}

void sty_wave_trim_bounds(const double *sums, size_t n, const sty_wave_trim_rule *rule, size_t *begin, size_t *end) {
    const size_t frame = rule->frame, hop = rule->hop, n_frames = trim_frames(n, frame, hop);
    double loudest = 0;
    for (size_t i = 0; i < n_frames; i++)
        loudest = fmax(loudest, frame_power(sums, i, frame, hop));
    size_t first = 0, last = n_frames;
    while (first < n_frames && !heard(frame_power(sums, first, frame, hop), loudest, rule->top_db))
        first++;
    while (last > first && !heard(frame_power(sums, last - 1, frame, hop), loudest, rule->top_db))
        last--;
    *begin = first * hop < n ? first * hop : n;
    *end = last * hop < n ? last * hop : n;
}
