/* tiles.h - all output channels of a block of frames, tile by tile. Floor 1, private to
 * lib/math. */
#ifndef STY_MATH_TILES_H
#define STY_MATH_TILES_H

#include "math/kernels.h"

#include <stdbool.h>

/* True for activations that conv_tile applies itself. */
bool sty_tiles_fuse(sty_activation activation);

/* tile describes the first STY_CONV_TILE of n_channels; the weights of the next begin
 * `step` floats further. bias [n_channels] (NULL: none) goes in tile by tile. */
void sty_tiles_run(const sty_kernels *kernels, sty_conv_tile tile, size_t n_channels, const float *bias,
                   size_t step);

#endif
