/* gate.c - the gate's half is copied together, goes through the function in one
 * call over all rows, and is then multiplied. */
#include "math/gate.h"

#include <string.h>

void sty_glu(sty_activation kind, float slope, bool first, size_t n, size_t c, const float *x,
             float *y) {
    const size_t gate = first ? 0 : c, value = c - gate;
    for (size_t i = 0; i < n; i++)
        memcpy(y + i * c, x + 2 * i * c + gate, c * sizeof *y);
    sty_activate(kind, slope, y, n * c);
    for (size_t i = 0; i < n; i++) {
        const float *from = x + 2 * i * c + value;
        float *to = y + i * c;
        for (size_t j = 0; j < c; j++)
            to[j] *= from[j];
    }
}
