/* kernels_avx512.c - the kernels with AVX-512 (F, BW, DQ, VL). */
#include "math/kernels.h"
#include "math/kernels_impl.h"

const sty_kernels sty_kernels_avx512 = STY_KERNELS;
