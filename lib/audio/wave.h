/* wave.h - operations on mono samples x[N]; in place unless said otherwise. Floor 2. */
#ifndef STY_AUDIO_WAVE_H
#define STY_AUDIO_WAVE_H

#include "base/mem.h"

/* mono[N] = mean over the channels of interleaved [N, C]. */
void sty_wave_mix(const float *interleaved, size_t n, int n_channels, float *mono);

/* y[n] = x[n] - c x[n-1] (scipy.signal.lfilter([1, -c], [1], x)), x[-1] = previous:
 * 0 at the start. y may be x, or apart from it. */
void sty_wave_pre_emphasis(const float *x, size_t n, float coefficient, float previous, float *y);

typedef enum sty_level {
    STY_LEVEL_NONE,
    STY_LEVEL_PEAK,      /* x target / max |x| */
    STY_LEVEL_RMS,       /* to target dBFS: gain sqrt(n 10^(target/10) / sum x^2) */
    STY_LEVEL_MIN_MAX,   /* (x - (max + min) / 2) / (max - min) */
    STY_LEVEL_SOFT_PEAK  /* divided by min(target, peak) when the peak exceeds 1 */
} sty_level;

/* What the rules must know of a whole signal; begins as STY_WAVE_NOTHING. */
typedef struct sty_wave_range {
    double low, high, squares;
    size_t n;
} sty_wave_range;
extern const sty_wave_range STY_WAVE_NOTHING;

/* Takes in the next n samples of the signal. */
void sty_wave_measure(const float *x, size_t n, sty_wave_range *range);

/* x[n] of a signal of this range. Silence stays silence: no rule divides by zero. */
void sty_wave_level(float *x, size_t n, sty_level level, double target, const sty_wave_range *range);

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
 * as librosa does. n > 0.
 *
 * First sums of squares, two doubles for each hop, hops [from, to) at a time: every
 * sample is squared once. x[i - first] is sample i of n; those of the hops and their
 * mirror images must be there, at most 2 frame + 4 hop samples around. */
size_t sty_wave_trim_hops(size_t n, const sty_wave_trim_rule *rule);
void sty_wave_trim_sums(const float *x, size_t first, size_t n, const sty_wave_trim_rule *rule, size_t from,
                        size_t to, double *sums);
void sty_wave_trim_bounds(const double *sums, size_t n, const sty_wave_trim_rule *rule, size_t *begin, size_t *end);

/* Index of the mirrored signal without repeated ends (numpy.pad reflect), for any
 * distance outside. n > 0. */
size_t sty_wave_reflect(long long index, size_t n);

#endif
