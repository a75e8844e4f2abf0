/* cpu.h - which vector instructions to use, decided at run time. Floor 0.
 *
 * Kernels that have variants live in NAME.c or NAME_generic.c (portable C, the same bits on
 * every machine) and NAME_neon.c, NAME_avx2.c, NAME_avx512.c; the Makefile compiles those that
 * the compiler's target has. A plan or a prepared layer asks once and keeps a function pointer. */
#ifndef STY_BASE_CPU_H
#define STY_BASE_CPU_H

#include <stdbool.h>

typedef enum sty_cpu {
    STY_CPU_GENERIC,
    STY_CPU_NEON,   /* aarch64: fused multiply-adds, which every such processor has */
    STY_CPU_AVX2,   /* x86-64, with FMA */
    STY_CPU_AVX512, /* x86-64: F, BW, DQ, VL */
    STY_N_CPUS
} sty_cpu;

/* Whether this processor can take that path. */
bool sty_cpu_has(sty_cpu cpu);

/* The best path of this processor. The environment variable STYLET_CPU=generic,
 * neon, avx2 or avx512 asks for another one; what the processor has not is not given. */
sty_cpu sty_cpu_path(void);

/* "generic", "neon", "avx2", "avx512": for provenance and bench. */
const char *sty_cpu_name(sty_cpu cpu);

#endif
