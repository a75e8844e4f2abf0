/* pca.c - through the covariance matrix: width x width, however many clips there
 * are. Its products are single precision over blocks of rows and summed in double
 * precision, so a hundred thousand clips lose no digits. */
#include "style/pca.h"

#include "base/mem.h"
#include "math/eigen.h"
#include "math/gemm.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 512, WIDEST = 20000 };

typedef struct {
    double *mean, *covariance, *directions, *values, *work;
    float *rows, *turned, *product, *axes;
    sty_arena arena;
} pca;

static bool allocate(pca *p, size_t width, size_t k) {
    sty_arena *a = &p->arena;
    p->mean = sty_arena_alloc(a, width, sizeof(double));
    p->covariance = sty_arena_alloc(a, width * width, sizeof(double));
    p->directions = sty_arena_alloc(a, k * width, sizeof(double));
    p->values = sty_arena_alloc(a, k, sizeof(double));
    p->work = sty_arena_alloc(a, sty_eigen_work(width, k), sizeof(double));
    p->rows = sty_arena_alloc(a, BLOCK * width, sizeof(float));
    p->turned = sty_arena_alloc(a, BLOCK * width, sizeof(float));
    p->product = sty_arena_alloc(a, width * width, sizeof(float));
    p->axes = sty_arena_alloc(a, k * width, sizeof(float));
    return p->mean && p->covariance && p->directions && p->values && p->work && p->rows && p->turned && p->product &&
           p->axes;
}

/* Rows of a block less the mean. */
static void centre(pca *p, const float *vectors, size_t n, size_t width) {
    for (size_t i = 0; i < n; i++)
        for (size_t d = 0; d < width; d++)
            p->rows[i * width + d] = (float)((double)vectors[i * width + d] - p->mean[d]);
}

static void covariance(pca *p, const float *vectors, size_t n, size_t width) {
    for (size_t i = 0; i < n; i++)
        for (size_t d = 0; d < width; d++)
            p->mean[d] += (double)vectors[i * width + d];
    for (size_t d = 0; d < width; d++)
        p->mean[d] /= (double)n;
    for (size_t first = 0; first < n; first += BLOCK) {
        const size_t m = n - first < BLOCK ? n - first : BLOCK;
        centre(p, vectors + first * width, m, width);
        for (size_t i = 0; i < m; i++)
            for (size_t d = 0; d < width; d++)
                p->turned[d * m + i] = p->rows[i * width + d];
        sty_gemm_bt(width, width, m, p->turned, m, p->turned, m, false, p->product, width);
        for (size_t i = 0; i < width * width; i++)
            p->covariance[i] += (double)p->product[i] / (double)n;
    }
}

/* The first of the largest components becomes positive. */
static void fix_sign(const double *direction, size_t width, float *axis) {
    size_t largest = 0;
    for (size_t d = 1; d < width; d++)
        if (fabs(direction[d]) > fabs(direction[largest]) * (1 + 1e-9)) largest = d;
    const double sign = direction[largest] < 0 ? -1 : 1;
    for (size_t d = 0; d < width; d++)
        axis[d] = (float)(sign * direction[d]);
}

static sty_status solve(pca *p, const float *vectors, size_t n, size_t width, size_t k, size_t wanted, float *scores,
                        double *share, sty_err *err) {
    double total = 0;
    covariance(p, vectors, n, width);
    for (size_t d = 0; d < width; d++)
        total += p->covariance[d * width + d];
    if (!sty_eigen_largest(p->covariance, width, k, p->values, p->directions, p->work))
        return sty_err_set(err, STY_BAD_ARGUMENT, "the principal components cannot be found: the vectors are too large");
    for (size_t c = 0; c < k; c++) {
        fix_sign(p->directions + c * width, width, p->axes + c * width);
        share[c] = total > 0 ? fmax(0, p->values[c]) / total : 0;
    }
    for (size_t first = 0; first < n; first += BLOCK) {
        const size_t m = n - first < BLOCK ? n - first : BLOCK;
        centre(p, vectors + first * width, m, width);
        sty_gemm_bt(m, k, width, p->rows, width, p->axes, width, false, scores + first * wanted, wanted);
    }
    return STY_OK;
}

sty_status sty_pca(const float *vectors, size_t n, size_t width, size_t k, float *scores, double *share,
                   sty_err *err) {
    pca p = {0};
    const size_t found = k < width ? k : width;
    if (n < 2) return sty_err_set(err, STY_BAD_ARGUMENT, "a map needs at least two vectors, there is %zu", n);
    if (width > WIDEST) return sty_err_set(err, STY_BAD_ARGUMENT, "vectors of %zu values, at most %d", width, WIDEST);
    memset(scores, 0, n * k * sizeof *scores);
    memset(share, 0, k * sizeof *share);
    sty_blas_init();
    sty_status status = allocate(&p, width, found) ? solve(&p, vectors, n, width, found, k, scores, share, err)
                                                   : sty_err_no_memory(err, width * width * 12, "the map");
    sty_arena_clear(&p.arena);
    return status;
}
