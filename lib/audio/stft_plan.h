/* stft_plan.h - what stft.c prepares and the kernels read. Floor 2. */
#ifndef STY_AUDIO_STFT_PLAN_H
#define STY_AUDIO_STFT_PLAN_H

#include "audio/stft.h"

typedef struct sty_twiddle {
    float r, i;
} sty_twiddle;

typedef struct sty_stft_plan sty_stft_plan;

/* Squared magnitudes [n_fft / 2 + 1] of one frame, every stride floats. */
typedef void (*sty_stft_scalar)(const sty_stft_plan *plan, const float *x, float *power, size_t stride);

struct sty_stft_plan {
    sty_stft_spec spec;
    float scale_e, scale, offset; /* see lanes_log */
    bool mapped;                  /* without a logarithm: scale and offset do something */
    size_t half;                  /* n_fft / 2, the complex points */
    size_t radix, part;           /* half = radix part */
    float *window;                /* [n_fft], halved for the vector form */
    size_t window_first, window_end; /* where it is not zero; whole quads from the first */
    sty_twiddle *join;               /* [part, radix]: exp(-2 pi i r k / half) */
    sty_twiddle *real;               /* [half + 1]: exp(-2 pi i m / n_fft) */
    void *kiss;                      /* plan of `part` points, in lanes */
    void *in, *parts, *bins;         /* complex [half], complex [half], real [half + 1]; in lanes */
    /* the shared library's */
    sty_stft_scalar scalar;
    void *scalar_kiss;
    float *frame;     /* [n_fft] */
    void *spectrum;   /* complex [half + 1] */
};

typedef struct sty_stft_kernel {
    size_t lanes;
    size_t (*kiss_bytes)(size_t n);
    void (*kiss_plan)(size_t n, void *mem);
    void (*run)(const sty_stft_plan *plan, const float *const *rows, size_t n, float *features);
} sty_stft_kernel;

extern const sty_stft_kernel sty_stft_generic, sty_stft_avx2, sty_stft_avx512;

/* A plan for a given kernel (the tests run every width). */
sty_status sty_stft_create_for(const sty_stft_kernel *kernel, const sty_stft_spec *spec, sty_stft **stft,
                               sty_err *err);

#endif
