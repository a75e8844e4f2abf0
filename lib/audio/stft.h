/* stft.h - blocks of frames in, features out; the one door to KISS FFT. Floor 2.
 *
 * A block is as many frames as the processor path has lanes: 4, 8 (AVX2) or 16
 * (AVX-512). All its steps run with one frame to a lane: window, transform,
 * magnitude, mel filters, logarithm, maps; nothing leaves the nearest caches in
 * between. A frame's numbers do not depend on its place in a block. Paths differ
 * by float32 rounding.
 *
 * KISS FFT runs in its vector form when its source was there at set-up
 * (scripts/setup.sh), else the shared library transforms one frame after the
 * other and only the other steps use the lanes. */
#ifndef STY_AUDIO_STFT_H
#define STY_AUDIO_STFT_H

#include "audio/mel.h"
#include "base/cpu.h"
#include "base/mem.h"

/* Lanes of the widest path: frames that one call of sty_stft_run takes at most. */
enum { STY_STFT_MAX_LANES = 16 };

/* True for sizes that transform fast and safely: even, 16 to 65536, no prime
 * factor above 7. */
bool sty_stft_size_ok(size_t n_fft);

/* What becomes of a frame x[n_fft]: with p = |FFT(window x)|^2, guarded (p + eps, or
 * max(p, eps)), then its root if asked for, filtered (or bins sliced out), and
 *     v = min(max(v, floor), ceiling)   or min(v, ceiling) + floor     with log_kind
 *     y = log(v) scale + offset         or v scale + offset            without
 *     y = (y - mean[f]) / std[f]; y = min(max(y, low), high)
 * NaN and inf go through as they are, but for the limits. */
typedef struct sty_stft_spec {
    size_t n_fft;
    const float *window; /* [n_fft] */
    float eps;
    bool eps_clamps, root;
    const sty_mel *mel; /* NULL: linear */
    size_t first_bin;   /* linear */
    size_t width;       /* values of a frame of features */
    bool log, floor_adds;
    float floor, ceiling; /* INFINITY: none */
    double scale, offset; /* scale is of the natural logarithm */
    const float *mean, *std; /* [width] or NULL */
    float low, high;         /* -INFINITY, INFINITY: none */
} sty_stft_spec;

/* A plan with its work buffers: one per session, not shared by threads. */
typedef struct sty_stft sty_stft;

/* spec is copied, its arrays are not. Errors: STY_OUT_OF_MEMORY. */
sty_status sty_stft_create(const sty_stft_spec *spec, sty_cpu cpu, sty_stft **stft, sty_err *err);
void sty_stft_free(sty_stft *stft);

/* Frames of a block. */
size_t sty_stft_lanes(const sty_stft *stft);

/* features[n, width] of the frames rows[0 .. n), each [n_fft], n <= lanes. The rows
 * beyond n must be readable too (any frame). Allocates nothing. */
void sty_stft_run(sty_stft *stft, const float *const *rows, size_t n, float *features);

/* Other steps behind the same transform and window: for showing the steps. */
void sty_stft_change(sty_stft *stft, const sty_stft_spec *spec);

/* "vector" or "scalar": which KISS FFT this build has. */
const char *sty_stft_transform(void);

#endif
