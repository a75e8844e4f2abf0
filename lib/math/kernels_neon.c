/* kernels_neon.c - the kernels with NEON's fused multiply-add. */
#define STY_NEON
#include "math/kernels.h"
#include "math/kernels_impl.h"

const sty_kernels sty_kernels_neon = STY_KERNELS;
