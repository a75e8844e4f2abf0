/* stft_plan.h - what stft.c prepares and the kernels read. Floor 2. */
#ifndef STY_AUDIO_STFT_PLAN_H
#define STY_AUDIO_STFT_PLAN_H

#include "audio/stft.h"

typedef struct sty_twiddle {
    float r, i;
} sty_twiddle;

typedef struct sty_stft_plan sty_stft_plan;

struct sty_stft_plan {
    sty_stft_spec spec;
    float scale_e, scale, offset; /* see lanes_log */
    bool mapped;                  /* without a logarithm: scale and offset do something */
    size_t half;                  /* n_fft / 2, the complex points */
    size_t n_bins;                /* from bin 0 on, that the features are made of */
    float add, least;             /* the guard of the squared magnitude: max(p + add, least) */
    size_t radix, part;           /* half = radix part */
    float *window;                /* [n_fft], halved: bins m and M - m are sums of two */
    size_t window_first, window_end; /* where it is not zero; whole quads from the first */
    sty_twiddle *join;               /* [part, radix]: exp(-2 pi i r k / half) */
    sty_twiddle *real;               /* [half + 1]: exp(-2 pi i m / n_fft) */
    void *kiss;                      /* plan of `part` points, in lanes or of the shared library */
    uint32_t *place;                 /* [half / 4] or NULL: see first_pass */
    void *in;                        /* complex [half], in lanes; of the shared library: [n_fft] */
    void *parts, *bins;              /* complex [half], real [half + 1]; in lanes */
    float *done;                     /* [lanes, n_fft]: what the shared library gives */
};

/* out[radix, part] = the parts' transforms of x[n_fft], complex, by the shared library. */
void sty_stft_scalar(const sty_stft_plan *plan, const float *x, float *out);

typedef struct sty_stft_kernel {
    size_t lanes;
    size_t (*kiss_bytes)(size_t n);
    void (*kiss_plan)(size_t n, void *mem);
    void (*run)(const sty_stft_plan *plan, const float *const *rows, size_t n, float *features);
} sty_stft_kernel;

/* Those of the compiler's target exist. */
extern const sty_stft_kernel sty_stft_generic, sty_stft_neon, sty_stft_avx2, sty_stft_avx512;

/* The kernel of a path this processor has. */
const sty_stft_kernel *sty_stft_kernel_of(sty_cpu cpu);

/* A plan for a given kernel (the tests run every width). */
sty_status sty_stft_create_for(const sty_stft_kernel *kernel, const sty_stft_spec *spec, sty_stft **stft,
                               sty_err *err);

#endif
