/* linear.c - the bias is laid down first, the product adds to it. */
#include "math/linear.h"

#include "math/gemm.h"

#include <string.h>

void sty_linear_run(size_t n, size_t rows, size_t columns, const float *x, const float *weight,
                    const float *bias, float *y) {
    for (size_t i = 0; bias && i < n; i++)
        memcpy(y + i * rows, bias, rows * sizeof *y);
    sty_gemm_bt(n, rows, columns, x, columns, weight, columns, bias != NULL, y, rows);
}
