/* finite.c - some vectors at a time: the exponents of NaN and infinities are all ones, and adding
 * one carries into the sign. */
#include "math/finite.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

size_t sty_first_nonfinite(const float *x, size_t n) {
    enum { LANES = 4, VECTORS = 8, BLOCK = LANES * VECTORS };
    typedef uint32_t v_bits __attribute__((vector_size(4 * LANES)));
    size_t i = 0;
    for (; i + BLOCK <= n; i += BLOCK) {
        v_bits carried = {0};
        for (size_t k = 0; k < BLOCK; k += LANES) {
            v_bits bits;
            memcpy(&bits, x + i + k, sizeof bits);
            carried |= (bits & 0x7FFFFFFF) + 0x00800000;
        }
        if ((carried[0] | carried[1] | carried[2] | carried[3]) >> 31) break;
    }
    while (i < n && isfinite(x[i]))
        i++;
    return i;
}
