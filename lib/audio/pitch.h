/* pitch.h - fundamental frequency of speech over time. Floor 2. */
#ifndef STY_AUDIO_PITCH_H
#define STY_AUDIO_PITCH_H

#include "base/mem.h"

/* Frames lie 10 ms apart; F0 is looked for between these. */
#define STY_PITCH_HOP_S 0.01
#define STY_PITCH_LOW_HZ 55.0
#define STY_PITCH_HIGH_HZ 600.0

/* F0 in Hz of every frame, 0 where there is no voice: *f0_hz [*n_frames], in the arena.
 * Frame i is centred on i * 10 ms. After Boersma (1993): the autocorrelation of each
 * windowed frame over that of the window, its peaks, and the best path through them,
 * with praat's costs but for those of scripts/train/pitch.py, which made the labels of
 * the shipped model. x [n]: mono at rate_hz.
 * Work grows with n; scratch stays in the arena. Errors: STY_OUT_OF_MEMORY. */
sty_status sty_pitch_track(const float *x, size_t n, int rate_hz, sty_arena *arena, float **f0_hz, size_t *n_frames,
                           sty_err *err);

#endif
