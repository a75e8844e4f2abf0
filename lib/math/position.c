/* position.c - sines and cosines of double arguments in both precisions: what
 * differs between the published forms is the argument, not the function. */
#include "math/position.h"

#include <math.h>

/* The argument of position t at pair i, as the published form rounds it. */
static double angle(size_t t, size_t pair, size_t width, double base, bool wide) {
    if (wide) return (double)t / pow(base, 2.0 * (double)pair / (double)width);
    const float step = (float)(-log(base) / (double)width);
    const float w = (float)exp((double)((float)(2 * pair) * step));
    return (double)((float)t * w);
}

void sty_position_sinusoid(size_t rows, size_t width, double base, bool wide, bool add, float *e) {
    for (size_t t = 0; t < rows; t++, e += width)
        for (size_t j = 0; j < width; j++) {
            const double a = angle(t, j / 2, width, base, wide);
            const float value = (float)(j % 2 ? cos(a) : sin(a));
            e[j] = add ? e[j] + value : value;
        }
}
