/* stft_generic.c - the kernels of stft_kernel.h for 4 lanes: portable, the same bits on every machine. */
#define STY_LANES 4
#define STFT_NAME(x) x##_generic

#include "audio/stft_kernel.h"
