/* cpu.c - asks the processor (through the compiler's own probe, which also asks
 * whether the system saves the wide registers). */
#include "base/cpu.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[STY_N_CPUS] = {"generic", "neon", "avx2", "avx512"};

bool sty_cpu_has(sty_cpu cpu) {
    if (cpu == STY_CPU_GENERIC) return true;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (cpu == STY_CPU_AVX2) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (cpu == STY_CPU_AVX512)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#elif defined(__aarch64__)
    if (cpu == STY_CPU_NEON) return true;
#endif
    return false;
}

sty_cpu sty_cpu_path(void) {
    const char *asked = getenv("STYLET_CPU");
    sty_cpu best = STY_CPU_GENERIC;
    for (int i = 0; i < STY_N_CPUS; i++) {
        if (!sty_cpu_has((sty_cpu)i)) continue;
        best = (sty_cpu)i;
        if (asked && strcmp(asked, names[i]) == 0) break;
    }
    return best;
}

const char *sty_cpu_name(sty_cpu cpu) { return names[cpu]; }
