/* stft.h - short-time Fourier transform of blocks of frames, the one door to
 * KISS FFT. Floor 2. */
#ifndef STY_AUDIO_STFT_H
#define STY_AUDIO_STFT_H

#include "base/mem.h"

/* Frames one call may transform; the caller's block. */
enum { STY_STFT_BLOCK = 16 };

/* True for sizes that transform fast and safely: even, 16 to 65536, no prime
 * factor above 7. */
bool sty_stft_size_ok(size_t n_fft);

/* A plan with its work buffers: one per session, not shared by threads. */
typedef struct sty_stft sty_stft;

/* window [n_fft] (copied). Errors: STY_OUT_OF_MEMORY. */
sty_status sty_stft_create(size_t n_fft, const float *window, sty_stft **stft, sty_err *err);
void sty_stft_free(sty_stft *stft);

/* power[n_frames, n_fft / 2 + 1] = |FFT(window x[i hop : i hop + n_fft])|^2 for
 * n_frames <= STY_STFT_BLOCK frames. The numbers of a frame do not depend on its
 * place in the block. */
void sty_stft_power(sty_stft *stft, const float *x, size_t hop, size_t n_frames, float *power);

#endif
