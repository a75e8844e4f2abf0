/* wave.c - sample operations; sums in double. */
#include "audio/wave.h"

#include <math.h>

void sty_wave_mix(const float *interleaved, size_t n, int n_channels, float *mono) {
    const float scale = 1.0f / (float)n_channels;
    for (size_t i = 0; i < n; i++, interleaved += n_channels) {
        float sum = 0.0f;
        for (int c = 0; c < n_channels; c++)
            sum += interleaved[c];
        mono[i] = n_channels == 1 ? sum : sum * scale;
    }
}

void sty_wave_pre_emphasis(float *x, size_t n, float coefficient) {
    for (size_t i = n; i-- > 1;)
        x[i] -= coefficient * x[i - 1];
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

/* Mean square of the frame centred on sample `centre`. */
static double frame_power(const float *x, size_t n, size_t centre, size_t frame, bool reflected) {
    const long long first = (long long)centre - (long long)(frame / 2);
    double squares = 0;
    for (size_t j = 0; j < frame; j++) {
        const long long at = first + (long long)j;
        double v = 0;
        if (at >= 0 && at < (long long)n) v = (double)x[at];
        else if (reflected) v = (double)x[sty_wave_reflect(at, n)];
        squares += v * v;
    }
    return squares / (double)frame;
}

/* A frame is heard when 10 log10(max(p, 1e-10) / max(loudest, 1e-10)) > -top_db. */
static bool heard(double power, double loudest, double top_db) {
    return 10 * log10(fmax(power, 1e-10)) - 10 * log10(fmax(loudest, 1e-10)) > -top_db;
}

void sty_wave_trim(const float *x, size_t n, double top_db, size_t frame, size_t hop,
                   bool reflected, size_t *begin, size_t *end) {
    /* frames of the padded signal of n + 2 (frame / 2) samples */
    const size_t padded = n + frame / 2 * 2;
    const size_t n_frames = padded < frame ? 1 : (padded - frame) / hop + 1;
    double loudest = 0;
    for (size_t i = 0; i < n_frames; i++)
        loudest = fmax(loudest, frame_power(x, n, i * hop, frame, reflected));
    size_t first = 0, last = n_frames;
    while (first < n_frames &&
           !heard(frame_power(x, n, first * hop, frame, reflected), loudest, top_db))
        first++;
    while (last > first &&
           !heard(frame_power(x, n, (last - 1) * hop, frame, reflected), loudest, top_db))
        last--;
    *begin = first * hop < n ? first * hop : n;
    *end = last * hop < n ? last * hop : n;
}
