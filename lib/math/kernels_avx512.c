/* kernels_avx512.c - the kernels with AVX-512 (F, BW, DQ, VL); empty elsewhere. */
#include "math/kernels.h"

#if defined(__AVX512F__)
#include "math/kernels_impl.h"

const sty_kernels sty_kernels_avx512 = STY_KERNELS;
#endif
