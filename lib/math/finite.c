/* finite.c - blocks of a length the compiler knows, so that it makes their loop wide: the
 * exponents of NaN and infinities are all ones, and adding one carries into the sign. */
#include "math/finite.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

size_t sty_first_nonfinite(const float *x, size_t n) {
    enum { BLOCK = 256 };
    size_t i = 0;
    for (; i + BLOCK <= n; i += BLOCK) {
        uint32_t bits[BLOCK], carried = 0;
        memcpy(bits, x + i, sizeof bits);
        for (size_t k = 0; k < BLOCK; k++)
            carried |= (bits[k] & 0x7FFFFFFF) + 0x00800000;
        if (carried >> 31) break;
    }
    while (i < n && isfinite(x[i]))
        i++;
    return i;
}
