/* activation_impl.h - element-wise functions and softmax over vectors; the
 * meaning is in activation.h. */
#ifndef STY_MATH_ACTIVATION_IMPL_H
#define STY_MATH_ACTIVATION_IMPL_H

#include "math/kernels.h"
#include "math/simd.h"

#include <math.h>

/* x[i] = expression of v, whole vectors first, then the rest padded to one. */
#define EACH(expression)                                                                           \
    {                                                                                              \
        size_t i = 0;                                                                              \
        for (; i + LANES <= n; i += LANES) {                                                       \
            const v_float v = v_load(x + i);                                                       \
            v_store(x + i, expression);                                                            \
        }                                                                                          \
        if (i < n) {                                                                               \
            const v_float v = v_load_part(x + i, n - i);                                           \
            v_store_part(x + i, expression, n - i);                                                \
        }                                                                                          \
        break;                                                                                     \
    }

V_INLINE v_float v_relu(v_float v) { return v_select(v < 0.0f, v_all(0.0f), v); }

V_INLINE v_float v_leaky(v_float v, float slope) { return v_select(v < 0.0f, v * slope, v); }

/* max(x, 0) + ln(1 + e^-|x|); x itself above 20, where they agree in float32 */
V_INLINE v_float v_softplus(v_float v) {
    const v_float soft = v_relu(v) + v_log1p(v_exp(-v_abs(v)));
    return v_select(v > 20.0f, v, soft);
}

/* tanh(ln(1 + e)) = (e^2 + 2 e) / (e^2 + 2 e + 2) */
V_INLINE v_float v_mish(v_float v) {
    const v_float e = v_exp(v_select(v > 20.0f, v_all(20.0f), v)), t = e * (e + 2.0f);
    return v * (t / (t + 2.0f));
}

V_INLINE v_float v_gelu(v_float v) { return 0.5f * v * (1.0f + v_erf(v * 0.70710678f)); }

static void activate(sty_activation kind, float slope, float *x, size_t n) {
    switch (kind) {
    case STY_ACT_NONE: break;
    case STY_ACT_RELU: EACH(v_relu(v))
    case STY_ACT_LEAKY_RELU: EACH(v_leaky(v, slope))
    case STY_ACT_TANH: EACH(v_tanh(v))
    case STY_ACT_SIGMOID: EACH(v_sigmoid(v))
    case STY_ACT_SOFTSIGN: EACH(v / (1.0f + v_abs(v)))
    case STY_ACT_SOFTPLUS: EACH(v_softplus(v))
    case STY_ACT_MISH: EACH(v_mish(v))
    case STY_ACT_SWISH: EACH(v * v_sigmoid(v))
    case STY_ACT_GELU: EACH(v_gelu(v))
    case STY_N_ACTIVATIONS: break;
    }
}

/* The first n floats of x, `fill` behind. */
V_INLINE v_float v_load_or(const float *x, size_t n, float fill) {
    if (n >= LANES) return v_load(x);
    v_float v = v_all(fill);
    memcpy(&v, x, n * sizeof *x);
    return v;
}

V_INLINE void v_store_to(float *x, v_float v, size_t n) {
    if (n >= LANES) v_store(x, v);
    else v_store_part(x, v, n);
}

/* By lanes, not by memcpy: a vector whose address is taken would stay in memory while it is summed up. */
V_INLINE float v_largest(v_float v) {
    float largest = v[0];
#pragma GCC unroll 16
    for (int i = 1; i < LANES; i++)
        largest = v[i] > largest ? v[i] : largest;
    return largest;
}

/* Pairwise: the order of the additions is fixed by the width. */
V_INLINE float v_sum(v_float v) {
    float lane[LANES];
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++)
        lane[i] = v[i];
#pragma GCC unroll 4
    for (int half = LANES / 2; half > 0; half /= 2)
#pragma GCC unroll 8
        for (int i = 0; i < half; i++)
            lane[i] += lane[i + half];
    return lane[0];
}

/* x = e^(x - top) for n <= LANES of them; lanes behind hold e^-inf = 0 */
V_INLINE v_float exp_from(float *x, size_t n, float top) {
    const v_float e = v_exp(v_load_or(x, n, -INFINITY) - top);
    v_store_to(x, e, n);
    return e;
}

/* Whole vectors first: in one loop for all, the values would pass through memory. */
static void softmax_row(float *x, size_t n) {
    const size_t whole = n / LANES * LANES, rest = n - whole;
    v_float largest = v_load_or(x + whole, rest, -INFINITY), sum = v_all(0.0f);
    for (size_t i = 0; i < whole; i += LANES) {
        const v_float v = v_load(x + i);
        largest = v_select(v > largest, v, largest);
    }
    const float top = v_largest(largest);
    if (top == -INFINITY) { /* fully masked; NaN shows all the same */
        for (size_t i = 0; i < n; i++)
            x[i] = x[i] == -INFINITY ? 0.0f : NAN;
        return;
    }
    for (size_t i = 0; i < whole; i += LANES)
        sum += exp_from(x + i, LANES, top);
    if (rest) sum += exp_from(x + whole, rest, top);
    const float total = v_sum(sum);
    for (size_t i = 0; i < whole; i += LANES)
        v_store(x + i, v_load(x + i) / total);
    for (size_t i = whole; i < n; i++)
        x[i] /= total;
}

static void softmax(float *x, size_t rows, size_t n) {
    for (size_t r = 0; r < rows; r++)
        softmax_row(x + r * n, n);
}

#endif
