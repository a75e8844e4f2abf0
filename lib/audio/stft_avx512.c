/* stft_avx512.c - the kernels of stft_kernel.h for 16 lanes: AVX-512. */
#define STY_LANES 16
#define STFT_NAME(x) x##_avx512

#include "audio/stft_kernel.h"
