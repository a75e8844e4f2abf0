/* kernels.c - the portable kernels, and which ones are used. */
#include "math/kernels.h"

#include "math/kernels_impl.h"

const sty_kernels sty_kernels_generic = STY_KERNELS;

const sty_kernels *sty_kernels_of(sty_cpu cpu) {
#if defined(__x86_64__)
    if (cpu == STY_CPU_AVX512) return &sty_kernels_avx512;
    if (cpu == STY_CPU_AVX2) return &sty_kernels_avx2;
#elif defined(__aarch64__)
    if (cpu == STY_CPU_NEON) return &sty_kernels_neon;
#endif
    (void)cpu;
    return &sty_kernels_generic;
}

const sty_kernels *sty_kernels_chosen(void) { return sty_kernels_of(sty_cpu_path()); }
