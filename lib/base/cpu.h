/* cpu.h - which vector instructions to use, decided at run time. Floor 0.
 *
 * Kernels that have variants live in NAME.c (portable C), NAME_avx2.c and
 * NAME_avx512.c; the Makefile gives the latter two their instruction sets. A plan
 * or a prepared layer asks once and keeps a function pointer. */
#ifndef STY_BASE_CPU_H
#define STY_BASE_CPU_H

typedef enum sty_cpu {
    STY_CPU_GENERIC,
    STY_CPU_AVX2,  /* with FMA */
    STY_CPU_AVX512 /* F, BW, DQ, VL */
} sty_cpu;

/* The best path of this processor. The environment variable STYLET_CPU=generic,
 * avx2 or avx512 asks for a lower one; a higher one than there is is not given. */
sty_cpu sty_cpu_path(void);

/* "generic", "avx2", "avx512": for provenance and bench. */
const char *sty_cpu_name(sty_cpu cpu);

#endif
