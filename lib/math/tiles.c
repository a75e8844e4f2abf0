/* tiles.c - the weights of one tile stay in the cache while all the frames pass. */
#include "math/tiles.h"

#include <string.h>

bool sty_tiles_fuse(sty_activation activation) {
    return activation == STY_ACT_NONE || activation == STY_ACT_RELU || activation == STY_ACT_LEAKY_RELU;
}

void sty_tiles_run(const sty_kernels *kernels, sty_conv_tile tile, size_t n_channels, const float *bias,
                   size_t step) {
    for (size_t o = 0; o < n_channels; o += STY_CONV_TILE, tile.weights += step) {
        float some[STY_CONV_TILE] = {0};
        const size_t n = n_channels - o < STY_CONV_TILE ? n_channels - o : STY_CONV_TILE;
        if (bias) memcpy(some, bias + o, n * sizeof *some);
        tile.bias = some;
        tile.next = n_channels - o > STY_CONV_TILE ? tile.weights + step : NULL;
        tile.n_channels = n;
        kernels->conv_tile(&tile);
        tile.out += n;
        if (tile.add) tile.add += n;
    }
}
