/* stft_neon.c - the kernels of stft_kernel.h for 4 lanes: NEON with its fused multiply-add. */
#define STY_LANES 4
#define STY_NEON
#define STFT_NAME(x) x##_neon

#include "audio/stft_kernel.h"
