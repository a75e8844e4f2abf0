/* eigen.c - LAPACK's dsyevr (relatively robust representations), called by its
 * Fortran name: OpenBLAS exports it, headers come with another package. */
#include "math/eigen.h"

#include "base/check.h"

#include <string.h>

void dsyevr_(const char *jobz, const char *range, const char *uplo, const int *n, double *a, const int *lda,
             const double *vl, const double *vu, const int *il, const int *iu, const double *tolerance, int *found,
             double *w, double *z, const int *ldz, int *support, double *work, const int *lwork, int *iwork,
             const int *liwork, int *info, size_t jobz_length, size_t range_length, size_t uplo_length);

enum { LARGEST_N = 30000 };

/* Values [n], support [2 n], integers [10 n] (two in a double), work [26 n]. */
size_t sty_eigen_work(size_t n, size_t k) { return n + n + 5 * n + 26 * n + n * k + 8; }

bool sty_eigen_largest(double *a, size_t n, size_t k, double *values, double *vectors, double *work) {
    sty_assert(n > 0 && n < LARGEST_N && k > 0 && k <= n);
    const int order = (int)n, first = (int)(n - k + 1), lwork = 26 * order, liwork = 10 * order;
    const double unused = 0;
    int found = 0, info = 0;
    double *w = work, *support = w + n, *integers = support + n, *own = integers + 5 * n, *z = own + 26 * n;
    dsyevr_("V", "I", "U", &order, a, &order, &unused, &unused, &first, &order, &unused, &found, w, z, &order,
            (int *)(void *)support, own, &lwork, (int *)(void *)integers, &liwork, &info, 1, 1, 1);
    if (info != 0 || found != (int)k) return false;
    for (size_t i = 0; i < k; i++) { /* they come smallest first */
        values[i] = w[k - 1 - i];
        memcpy(vectors + i * n, z + (k - 1 - i) * n, n * sizeof *z);
    }
    return true;
}
