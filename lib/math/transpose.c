/* transpose.c - squares of four by four in registers. Some rows at a time: a line of each stays
 * in the first cache while its columns are written, and these are runs of several lines. */
#include "math/transpose.h"

#include <string.h>

enum { SIDE = 4, ROWS = 128 };

typedef float square_row __attribute__((vector_size(4 * SIDE)));

static inline square_row load(const float *x) {
    square_row v;
    memcpy(&v, x, sizeof v);
    return v;
}

static inline void square(const float *x, size_t x_ld, float *y, size_t y_ld) {
    const square_row a = load(x), b = load(x + x_ld), c = load(x + 2 * x_ld), d = load(x + 3 * x_ld);
    const square_row ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab2 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    const square_row cd = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd2 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    const square_row column[SIDE] = {
        __builtin_shufflevector(ab, cd, 0, 1, 4, 5), __builtin_shufflevector(ab, cd, 2, 3, 6, 7),
        __builtin_shufflevector(ab2, cd2, 0, 1, 4, 5), __builtin_shufflevector(ab2, cd2, 2, 3, 6, 7)};
#pragma GCC unroll 4
    for (size_t j = 0; j < SIDE; j++)
        memcpy(y + j * y_ld, &column[j], sizeof column[j]);
}

/* Columns [j, columns) of rows [i, rows), value by value. */
static void rest(size_t i, size_t rows, size_t j, size_t columns, const float *x, size_t x_ld, float *y,
                 size_t y_ld) {
    for (; j < columns; j++)
        for (size_t r = i; r < rows; r++)
            y[j * y_ld + r] = x[r * x_ld + j];
}

static void some_rows(size_t rows, size_t columns, const float *x, size_t x_ld, float *y, size_t y_ld) {
    const size_t whole = rows / SIDE * SIDE;
    size_t j = 0;
    for (; j + SIDE <= columns; j += SIDE) {
        for (size_t i = 0; i < whole; i += SIDE)
            square(x + i * x_ld + j, x_ld, y + j * y_ld + i, y_ld);
        rest(whole, rows, j, j + SIDE, x, x_ld, y, y_ld);
    }
    rest(0, rows, j, columns, x, x_ld, y, y_ld);
}

void sty_transpose(size_t rows, size_t columns, const float *x, size_t x_ld, float *y, size_t y_ld) {
    for (size_t i = 0; i < rows; i += ROWS)
        some_rows(rows - i < ROWS ? rows - i : ROWS, columns, x + i * x_ld, x_ld, y + i, y_ld);
}
