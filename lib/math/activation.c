/* activation.c - plain loops over libm: these run over short vectors or are
 * fused elsewhere. */
#include "math/activation.h"

#include "base/check.h"

#include <math.h>

const char *const sty_activation_names[] = {"none",     "relu",     "leaky_relu", "tanh",
                                            "sigmoid",  "softsign", "softplus",   "mish",
                                            "swish",    "gelu",     NULL};

_Static_assert(STY_COUNT(sty_activation_names) == STY_N_ACTIVATIONS + 1, "a name for each");

static float softplus(float x) { return x > 20.0f ? x : log1pf(expf(x)); }

static float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

#define EACH(expression)                                                                           \
    for (size_t i = 0; i < n; i++) {                                                               \
        const float v = x[i];                                                                      \
        x[i] = (expression);                                                                       \
    }                                                                                              \
    break

void sty_activate(sty_activation kind, float slope, float *x, size_t n) {
    switch (kind) {
    case STY_ACT_NONE: break;
    case STY_ACT_RELU: EACH(v < 0.0f ? 0.0f : v);
    case STY_ACT_LEAKY_RELU: EACH(v < 0.0f ? slope * v : v);
    case STY_ACT_TANH: EACH(tanhf(v));
    case STY_ACT_SIGMOID: EACH(sigmoid(v));
    case STY_ACT_SOFTSIGN: EACH(v / (1.0f + fabsf(v)));
    case STY_ACT_SOFTPLUS: EACH(softplus(v));
    case STY_ACT_MISH: EACH(v * tanhf(softplus(v)));
    case STY_ACT_SWISH: EACH(v * sigmoid(v));
    case STY_ACT_GELU: EACH(0.5f * v * (1.0f + erff(v * 0.70710678118654752f)));
    case STY_N_ACTIVATIONS: break;
    }
}

void sty_softmax(float *x, size_t rows, size_t n) {
    for (size_t r = 0; r < rows; r++, x += n) {
        float largest = x[0], sum = 0.0f;
        for (size_t i = 1; i < n; i++)
            largest = x[i] > largest ? x[i] : largest;
        if (largest == -INFINITY) {
            for (size_t i = 0; i < n; i++)
                x[i] = 0.0f;
            continue;
        }
        for (size_t i = 0; i < n; i++) {
            x[i] = expf(x[i] - largest);
            sum += x[i];
        }
        for (size_t i = 0; i < n; i++)
            x[i] /= sum;
    }
}
