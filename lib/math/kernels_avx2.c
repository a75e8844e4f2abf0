/* kernels_avx2.c - the kernels with AVX2 and FMA; empty elsewhere. */
#include "math/kernels.h"

#if defined(__AVX2__)
#include "math/kernels_impl.h"

const sty_kernels sty_kernels_avx2 = STY_KERNELS;
#endif
