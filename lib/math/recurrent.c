/* recurrent.c - tiles of STY_GEMV_TILE rows, column by column; zeros for rows that
 * the last tile lacks. */
#include "math/recurrent.h"

#include "math/kernels.h"

static size_t whole_tiles(size_t rows) {
    return (rows + STY_GEMV_TILE - 1) / STY_GEMV_TILE * STY_GEMV_TILE;
}

size_t sty_recurrent_packed(size_t rows, size_t columns) { return whole_tiles(rows) * columns; }

void sty_recurrent_pack(const float *matrix, size_t rows, size_t columns, size_t ld, float *packed) {
    for (size_t row = 0; row < whole_tiles(rows); row++) {
        const size_t tile = row / STY_GEMV_TILE * STY_GEMV_TILE;
        for (size_t k = 0; k < columns; k++)
            packed[tile * columns + k * STY_GEMV_TILE + row - tile] =
                row < rows ? matrix[row * ld + k] : 0.0f;
    }
}
