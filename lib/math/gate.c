/* gate.c - row by row, while it is in the cache: the gate's half is copied, goes
 * through the function and is multiplied. */
#include "math/gate.h"

#include <string.h>

void sty_glu(sty_activation kind, float slope, bool first, size_t n, size_t c, const float *x,
             float *y) {
    const size_t gate = first ? 0 : c, value = c - gate;
    for (size_t i = 0; i < n; i++, x += 2 * c, y += c) {
        memcpy(y, x + gate, c * sizeof *y);
        sty_activate(kind, slope, y, c);
        for (size_t j = 0; j < c; j++)
            y[j] *= x[value + j];
    }
}
