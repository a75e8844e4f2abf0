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

void sty_wave_pre_emphasis(const float *x, size_t n, float coefficient, float *y) {
    size_t i = n;
    for (; i > PART; i -= PART) { /* from the end: y may be x */
        float part[PART];
        for (size_t j = 0; j < PART; j++)
            part[j] = x[i - PART + j] - coefficient * x[i - PART + j - 1];
        memcpy(y + i - PART, part, sizeof part);
    }
    for (; i-- > 1;)
        y[i] = x[i] - coefficient * x[i - 1];
    if (n > 0) y[0] = x[0];
}

static void scale(float *x, size_t n, double factor) {
    for (size_t i = 0; i < n; i++)
        x[i] = (float)((double)x[i] * factor);
}

void sty_wave_level(float *x, size_t n, sty_level level, double target) {
    double low = INFINITY, high = -INFINITY, squares = 0;
    for (size_t i = 0; i < n; i++) {
        const double v = (double)x[i];
        low = v < low ? v : low;
        high = v > high ? v : high;
        squares += v * v;
    }
    const double peak = fmax(fabs(low), fabs(high));
    if (n == 0 || level == STY_LEVEL_NONE || peak == 0) return;
    if (level == STY_LEVEL_PEAK) scale(x, n, target / peak);
    if (level == STY_LEVEL_RMS) scale(x, n, sqrt((double)n * pow(10, target / 10) / squares));
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

/* Sample `at` of the signal that goes on beyond its ends, squared. */
static double square_at(const float *x, size_t n, long long at, bool reflected) {
    const bool inside = at >= 0 && at < (long long)n;
    if (!inside && !reflected) return 0;
    const double v = (double)x[inside ? (size_t)at : sty_wave_reflect(at, n)];
    return v * v;
}

/* Sum of `count` of them. */
static double squares(const float *x, size_t n, long long first, size_t count, bool reflected) {
    const bool inside = first >= 0 && first + (long long)count <= (long long)n;
    double sum[4] = {0};
    size_t i = 0;
    for (; inside && i + 4 <= count; i += 4)
        for (size_t j = 0; j < 4; j++)
            sum[j] += (double)x[(size_t)first + i + j] * (double)x[(size_t)first + i + j];
    for (; i < count; i++)
        sum[i % 4] += square_at(x, n, first + (long long)i, reflected);
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

size_t sty_wave_trim_work(size_t n, size_t frame, size_t hop) {
    return 2 * (trim_frames(n, frame, hop) + frame / hop);
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

void sty_wave_trim(const float *x, size_t n, const sty_wave_trim_rule *rule, double *work, size_t *begin,
                   size_t *end) {
    const size_t frame = rule->frame, hop = rule->hop, n_frames = trim_frames(n, frame, hop);
    /* squares of every hop (even places) and of its first frame % hop samples (odd
     * places), once for each sample; frames share them */
    for (size_t i = 0; i < n_frames + frame / hop; i++) {
        const long long first = (long long)(i * hop) - (long long)(frame / 2);
        const size_t head = frame % hop;
        work[2 * i + 1] = squares(x, n, first, head, rule->reflected);
        work[2 * i] = work[2 * i + 1] + squares(x, n, first + (long long)head, hop - head, rule->reflected);
    }
    double loudest = 0;
    for (size_t i = 0; i < n_frames; i++)
        loudest = fmax(loudest, frame_power(work, i, frame, hop));
    size_t first = 0, last = n_frames;
    while (first < n_frames && !heard(frame_power(work, first, frame, hop), loudest, rule->top_db))
        first++;
    while (last > first && !heard(frame_power(work, last - 1, frame, hop), loudest, rule->top_db))
        last--;
    *begin = first * hop < n ? first * hop : n;
    *end = last * hop < n ? last * hop : n;
}
