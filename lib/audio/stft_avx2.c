/* stft_avx2.c - the kernels of stft_kernel.h for 8 lanes: AVX2 with FMA. */
#define STY_LANES 8
#define STFT_NAME(x) x##_avx2

#include "audio/stft_kernel.h"
