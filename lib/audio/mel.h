/* mel.h - triangular mel filters, stored sparsely. Floor 2. */
#ifndef STY_AUDIO_MEL_H
#define STY_AUDIO_MEL_H

#include "base/mem.h"

typedef struct sty_mel_filter {
    size_t first, n;      /* bins */
    const float *weights; /* [n] */
} sty_mel_filter;

typedef struct sty_mel {
    size_t n_mels, n_bins;
    const sty_mel_filter *filters; /* [n_mels] */
} sty_mel;

typedef struct sty_mel_spec {
    size_t n_fft, n_mels;
    double rate_hz, fmin_hz, fmax_hz;
    bool htk;         /* HTK scale 2595 log10(1 + f / 700), else Slaney's */
    bool slaney_norm; /* each filter scaled to area 2 / (f_high - f_low) */
} sty_mel_spec;

/* librosa.filters.mel, and with htk and without norm torchaudio's melscale_fbanks:
 * filter m rises from f[m] to f[m+1] and falls to f[m+2], the f evenly spaced in
 * mel from fmin to fmax. Designed in double. Lives in the arena.
 * Errors: STY_OUT_OF_MEMORY. */
sty_status sty_mel_create(const sty_mel_spec *spec, sty_arena *arena, sty_mel *mel, sty_err *err);

/* Hz of the n_mels + 2 corner frequencies into hz. */
void sty_mel_corners(const sty_mel_spec *spec, double *hz);

/* out[n_mels] = filters x spectrum[n_bins]. */
void sty_mel_apply(const sty_mel *mel, const float *spectrum, float *out);

#endif
