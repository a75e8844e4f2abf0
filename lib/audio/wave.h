/* wave.h - operations on mono samples x[N]; in place unless said otherwise. Floor 2. */
#ifndef STY_AUDIO_WAVE_H
#define STY_AUDIO_WAVE_H

#include "base/mem.h"

/* mono[N] = mean over the channels of interleaved [N, C]. */
void sty_wave_mix(const float *interleaved, size_t n, int n_channels, float *mono);

/* y[n] = x[n] - c x[n-1], x[-1] = 0 (scipy.signal.lfilter([1, -c], [1], x)). y may
 * be x, or apart from it. */
void sty_wave_pre_emphasis(const float *x, size_t n, float coefficient, float *y);

typedef enum sty_level {
    STY_LEVEL_NONE,
    STY_LEVEL_PEAK,      /* x target / max |x| */
    STY_LEVEL_RMS,       /* to target dBFS: gain sqrt(n 10^(target/10) / sum x^2) */
    STY_LEVEL_MIN_MAX,   /* (x - (max + min) / 2) / (max - min) */
    STY_LEVEL_SOFT_PEAK  /* divided by min(target, peak) when the peak exceeds 1 */
} sty_level;

/* Silence stays silence: no rule divides by zero. */
void sty_wave_level(float *x, size_t n, sty_level level, double target);

void sty_wave_clip(float *x, size_t n, float low, float high);

typedef struct sty_wave_trim_rule {
    double top_db;
    size_t frame, hop; /* samples, more than 0 */
    bool reflected;
} sty_wave_trim_rule;

/* librosa.effects.trim: the part from the first to the last frame whose RMS is
 * less than top_db below the loudest frame's. Frames are centred on multiples of
 * hop; beyond the ends there are zeros, or (reflected) the mirrored signal as
 * in librosa before 0.9. The kept part is x[*begin, *end). Silence is kept whole,
 * as librosa does. n > 0. work: sty_wave_trim_work doubles. Every sample is squared
 * once. */
void sty_wave_trim(const float *x, size_t n, const sty_wave_trim_rule *rule, double *work, size_t *begin,
                   size_t *end);
size_t sty_wave_trim_work(size_t n, size_t frame, size_t hop);

/* Index of the mirrored signal without repeated ends (numpy.pad reflect), for any
 * distance outside. n > 0. */
size_t sty_wave_reflect(long long index, size_t n);

#endif
