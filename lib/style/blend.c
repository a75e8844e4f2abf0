/* blend.c - interpolation in double precision, so that no step between two
 * styles shows float32 rounding of its own. */
#include "style/blend.h"

#include <math.h>
#include <string.h>

void sty_blend_add(const float *x, double weight, size_t n, float *y) {
    for (size_t i = 0; i < n; i++)
        y[i] = (float)((double)y[i] + weight * (double)x[i]);
}

/* The ends are copied: (1 - t) a + t b need not give b exactly. */
static int at_an_end(const float *a, const float *b, double t, size_t n, float *y) {
    if (t != 0 && t != 1) return 0;
    memmove(y, t == 0 ? a : b, n * sizeof *y);
    return 1;
}

void sty_blend_linear(const float *a, const float *b, double t, size_t n, float *y) {
    if (at_an_end(a, b, t, n, y)) return;
    for (size_t i = 0; i < n; i++)
        y[i] = (float)((1 - t) * (double)a[i] + t * (double)b[i]);
}

void sty_blend_spherical(const float *a, const float *b, double t, size_t n, float *y) {
    double aa = 0, bb = 0, ab = 0;
    if (at_an_end(a, b, t, n, y)) return;
    for (size_t i = 0; i < n; i++) {
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
        ab += (double)a[i] * (double)b[i];
    }
    const double la = sqrt(aa), lb = sqrt(bb);
    const double cosine = la > 0 && lb > 0 ? fmax(-1, fmin(1, ab / (la * lb))) : 1;
    const double angle = acos(cosine), sine = sin(angle);
    if (sine < 1e-6) { /* the arc is a line, or there is none */
        sty_blend_linear(a, b, t, n, y);
        return;
    }
    const double length = (1 - t) * la + t * lb;
    const double wa = length * sin((1 - t) * angle) / (sine * la), wb = length * sin(t * angle) / (sine * lb);
    for (size_t i = 0; i < n; i++)
        y[i] = (float)(wa * (double)a[i] + wb * (double)b[i]);
}
