/* position.c - sines and cosines by rotation.
 *
 * A sine per element would cost more than the attention that follows, so each
 * pair of columns turns by w_i from row to row, in double: after a million rows
 * the error is below 1e-9. The published float32 form takes the sine of t w_i
 * rounded to float32, up to 3e-5 away at t = 500; that difference d is put back
 * as sin(a + d) = sin a + d cos a - d^2/2 sin a, exact to d^3 / 6. */
#include "math/position.h"

#include <math.h>

/* w_i as the published form rounds it. */
static double frequency(size_t pair, size_t width, double base, bool wide) {
    if (wide) return 1.0 / pow(base, 2.0 * (double)pair / (double)width);
    const float step = (float)(-log(base) / (double)width);
    return (double)(float)exp((double)((float)(2 * pair) * step));
}

static void put(float *to, double value, bool add) {
    *to = add ? *to + (float)value : (float)value;
}

void sty_position_sinusoid(size_t rows, size_t width, double base, bool wide, bool add, float *e) {
    for (size_t pair = 0; 2 * pair < width; pair++) {
        const double w = frequency(pair, width, base, wide), sin_w = sin(w), cos_w = cos(w);
        double s = 0, c = 1;
        float *to = e + 2 * pair;
        for (size_t t = 0; t < rows; t++, to += width) {
            const double exact = (double)t * w;
            const double d = wide ? 0 : (double)((float)t * (float)w) - exact;
            put(to, s + d * (c - 0.5 * d * s), add);
            if (2 * pair + 1 < width) put(to + 1, c - d * (s + 0.5 * d * c), add);
            const double turned = s * cos_w + c * sin_w;
            c = c * cos_w - s * sin_w;
            s = turned;
        }
    }
}
