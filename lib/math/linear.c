/* linear.c - a matrix product is a convolution of kernel 1: tiles of STY_CONV_TILE rows
 * of weights meet blocks of rows of x.
 *
 * Against sgemm, which packs both matrices at every call: 1.03 to 1.1 times as fast
 * with 500 rows, 1.3 with 50, 2 with 13, 3 with 4. */
#include "math/linear.h"

#include "base/check.h"
#include "math/tiles.h"
#include "math/transpose.h"

#include <string.h>

enum { TILE = STY_CONV_TILE };

size_t sty_linear_packed(size_t rows, size_t columns) { return (rows + TILE - 1) / TILE * TILE * columns; }

/* Columns [first, first + n) of the rows of one tile. */
static void pack_tile(size_t rows, size_t n, const float *weight, size_t ld, float *packed) {
    if (rows < TILE) memset(packed, 0, n * TILE * sizeof *packed);
    sty_transpose(rows < TILE ? rows : TILE, n, weight, ld, packed, TILE);
}

/* packed: [tile][columns][TILE], zeros for rows that the last tile lacks */
void sty_linear_pack(size_t rows, size_t columns, const float *weight, size_t ld, float *packed) {
    for (size_t r = 0; r < rows; r += TILE)
        pack_tile(rows - r, columns, weight + r * ld, ld, packed + r * columns);
}

void sty_linear_pack_turned(size_t rows, size_t columns, const float *weight, size_t ld, float *packed) {
    for (size_t r = 0; r < rows; r += TILE) {
        const size_t n = rows - r < TILE ? rows - r : TILE;
        for (size_t k = 0; k < columns; k++, packed += TILE) {
            memcpy(packed, weight + k * ld + r, n * sizeof *packed);
            memset(packed + n, 0, (TILE - n) * sizeof *packed);
        }
    }
}

static void activate_rows(const sty_kernels *kernels, const sty_linear *l, const sty_linear_call *call,
                          float *y, size_t n) {
    for (size_t i = 0; i < n; i++)
        kernels->activate(call->activation, call->slope, y + i * call->y_ld, l->rows);
}

void sty_linear_apply(const sty_linear *l, const sty_linear_call *call) {
    const sty_kernels *kernels = sty_kernels_chosen();
    sty_conv_window windows[STY_CONV_FRAMES];
    const bool fused = sty_tiles_fuse(call->activation);
    sty_assert(fused || !call->add);
    for (size_t first = 0; first < call->n; first += STY_CONV_FRAMES) {
        const size_t left = call->n - first, n = left < STY_CONV_FRAMES ? left : STY_CONV_FRAMES;
        const sty_conv_tile tile = {.windows = windows,
                                    .n_frames = n,
                                    .n_rows = 1,
                                    .n_taps = 1,
                                    .run = l->columns,
                                    .chunk = STY_LINEAR_CHUNK,
                                    .weights = l->packed,
                                    .out = call->y + first * call->y_ld,
                                    .out_step = call->y_ld,
                                    .activation = call->activation,
                                    .slope = call->slope,
                                    .add = call->add ? call->add + first * call->y_ld : NULL,
                                    .factor = call->factor};
        for (size_t i = 0; i < n; i++)
            windows[i] = (sty_conv_window){call->x + (first + i) * call->x_ld, 0};
        sty_tiles_run(kernels, tile, l->rows, l->bias, l->columns * TILE);
        if (!fused) activate_rows(kernels, l, call, tile.out, n);
    }
}

void sty_linear_run(const sty_linear *l, size_t n, const float *x, float *y) {
    sty_linear_apply(l, &(sty_linear_call){.n = n, .x_ld = l->columns, .y_ld = l->rows, .x = x, .y = y});
}

void sty_linear_once(size_t n, size_t rows, size_t columns, const float *x, const float *weight,
                     const float *bias, float *y) {
    enum { PART = 128 }; /* columns at a time */
    float packed[PART * TILE];
    for (size_t r = 0; r < rows; r += TILE)
        for (size_t k = 0; k < columns; k += PART) {
            const size_t part = columns - k < PART ? columns - k : PART;
            const sty_linear tile = {rows - r < TILE ? rows - r : TILE, part, packed, bias && k == 0 ? bias + r : NULL};
            pack_tile(tile.rows, part, weight + r * columns + k, columns, packed);
            sty_linear_apply(&tile, &(sty_linear_call){.n = n,
                                                       .x_ld = columns,
                                                       .y_ld = rows,
                                                       .x = x + k,
                                                       .y = y + r,
                                                       .add = k ? y + r : NULL,
                                                       .factor = 1.0f});
        }
}
