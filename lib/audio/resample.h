/* resample.h - sample rate conversion, the one door to soxr. Floor 2. */
#ifndef STY_AUDIO_RESAMPLE_H
#define STY_AUDIO_RESAMPLE_H

#include "base/mem.h"

typedef struct sty_resampler sty_resampler;

/* ceil(n out / in): librosa's length rule. */
size_t sty_resample_length(size_t n, int in_hz, int out_hz);

/* A soxr HQ converter (librosa's soxr_hq): linear phase, one thread. One per
 * session; it may be run again and again.
 * Errors: STY_OUT_OF_MEMORY. */
sty_status sty_resampler_create(int in_hz, int out_hz, sty_resampler **resampler, sty_err *err);
void sty_resampler_free(sty_resampler *resampler);
int sty_resampler_in_hz(const sty_resampler *resampler);

/* Floats that out needs beyond its length: soxr 0.1.3 loads a pointer from
 * wherever it is about to write, even if one sample is all that is left. */
enum { STY_RESAMPLE_SLACK = 2 };

/* Input piece by piece: *n further samples at *x, valid until the next call; 0: the end. */
typedef sty_status (*sty_resampler_source)(void *context, const float **x, size_t *n, sty_err *err);

/* Begins a signal. Errors: STY_INTERNAL. */
sty_status sty_resampler_restart(sty_resampler *resampler, sty_err *err);

/* Its next n samples; zeros behind what soxr gives. The samples do not depend on how
 * they are asked for, nor on the pieces. Errors: STY_INTERNAL, those of the source. */
sty_status sty_resampler_read(sty_resampler *resampler, sty_resampler_source source, void *context, float *out,
                              size_t n, sty_err *err);

/* out[sty_resample_length(n)] from x[n]. Sample 0 stays at time 0; what soxr gives
 * short of the length is zeros, what is over is cut (librosa fix_length). */
sty_status sty_resampler_run(sty_resampler *resampler, const float *x, size_t n, float *out,
                             sty_err *err);

#endif
