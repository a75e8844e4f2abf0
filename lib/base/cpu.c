/* cpu.c - asks the processor (through the compiler's own probe, which also asks
 * whether the system saves the wide registers). */
#include "base/cpu.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"generic", "avx2", "avx512"};

static sty_cpu best(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return STY_CPU_AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return STY_CPU_AVX2;
#endif
    return STY_CPU_GENERIC;
}

sty_cpu sty_cpu_path(void) {
    const sty_cpu there = best();
    const char *asked = getenv("STYLET_CPU");
    for (int i = 0; asked && i <= (int)there; i++)
        if (strcmp(asked, names[i]) == 0) return (sty_cpu)i;
    return there;
}

const char *sty_cpu_name(sty_cpu cpu) { return names[cpu]; }
