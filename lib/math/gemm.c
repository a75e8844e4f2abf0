/* gemm.c - thin calls to CBLAS. Sizes were checked while the model was bound,
 * so they fit BLAS's int. */
#include "math/gemm.h"

#include "base/check.h"

#include <cblas.h>
#include <limits.h>

void sty_blas_init(void) {
    if (openblas_get_num_threads() != 1) openblas_set_num_threads(1);
}

/* The library's own handler for forks, by its exported name; not there in other BLAS. */
extern int blas_thread_shutdown_(void) __attribute__((weak));

void sty_blas_end_threads(void) {
    sty_blas_init();
    if (openblas_get_parallel() == OPENBLAS_THREAD && blas_thread_shutdown_) blas_thread_shutdown_();
}

bool sty_blas_needs_environment(void) { return openblas_get_parallel() == OPENBLAS_OPENMP; }

const char *sty_blas_core(void) { return openblas_get_corename(); }

static blasint narrow(size_t n) {
    sty_assert(n <= INT_MAX);
    return (blasint)n;
}

static void product(CBLAS_TRANSPOSE transposed, size_t m, size_t n, size_t k, const float *a,
                    size_t lda, const float *b, size_t ldb, bool add, float *c, size_t ldc) {
    if (m == 0 || n == 0) return;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, transposed, narrow(m), narrow(n), narrow(k), 1.0f, a,
                narrow(lda), b, narrow(ldb), add ? 1.0f : 0.0f, c, narrow(ldc));
}

void sty_gemm(size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb,
              bool add, float *c, size_t ldc) {
    product(CblasNoTrans, m, n, k, a, lda, b, ldb, add, c, ldc);
}

void sty_gemm_bt(size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b,
                 size_t ldb, bool add, float *c, size_t ldc) {
    product(CblasTrans, m, n, k, a, lda, b, ldb, add, c, ldc);
}

void sty_gemv(size_t m, size_t k, const float *a, size_t lda, const float *x, bool add, float *y) {
    if (m == 0) return;
    cblas_sgemv(CblasRowMajor, CblasNoTrans, narrow(m), narrow(k), 1.0f, a, narrow(lda), x, 1,
                add ? 1.0f : 0.0f, y, 1);
}

float sty_dot(size_t n, const float *x, const float *y) { return cblas_sdot(narrow(n), x, 1, y, 1); }
