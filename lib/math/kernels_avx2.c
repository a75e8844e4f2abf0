/* kernels_avx2.c - the kernels with AVX2 and FMA. */
#include "math/kernels.h"
#include "math/kernels_impl.h"

const sty_kernels sty_kernels_avx2 = STY_KERNELS;
