/* gemm.h - matrix products, the one door to OpenBLAS. Floor 1.
 *
 * All matrices are float32, row-major, with a row stride (ld) in elements.
 * Results do not depend on OpenBLAS's thread count: sty_blas_init sets it to one. */
#ifndef STY_MATH_GEMM_H
#define STY_MATH_GEMM_H

#include <stdbool.h>
#include <stddef.h>

/* Sets OpenBLAS to one thread; call before the first product. Cheap to repeat. */
void sty_blas_init(void);

/* For a program that computes in one thread: the same, and ends the threads that OpenBLAS
 * starts when it is loaded, one for each further processor. Until they end or sleep they
 * keep a processor busy each, and fork waits for them. Call it before any other thread
 * is there. */
void sty_blas_end_threads(void);

/* True when the loaded OpenBLAS is an OpenMP build that ignores the setting
 * above: the program must then be started with OMP_NUM_THREADS=1. */
bool sty_blas_needs_environment(void);

/* The kernels OpenBLAS chose for this processor ("Haswell"). */
const char *sty_blas_core(void);

/* C[M, N] = A[M, K] B[K, N], plus C itself when add.
 * C may not overlap A or B. ldc >= N, lda >= K, ldb >= N. */
void sty_gemm(size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb,
              bool add, float *c, size_t ldc);

/* C[M, N] = A[M, K] B[N, K]^T, plus C when add: torch.nn.functional.linear.
 * ldb >= K. */
void sty_gemm_bt(size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b,
                 size_t ldb, bool add, float *c, size_t ldc);

/* y[M] = A[M, K] x[K], plus y when add. */
void sty_gemv(size_t m, size_t k, const float *a, size_t lda, const float *x, bool add, float *y);

/* The sum of x[i] y[i]. */
float sty_dot(size_t n, const float *x, const float *y);

#endif
