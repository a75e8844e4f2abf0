/* norm_impl.h - sums and scaling of normalisations, in double lanes; the meaning is
 * in norm.h. Half a vector of floats becomes a whole one of doubles. */
#ifndef STY_MATH_NORM_IMPL_H
#define STY_MATH_NORM_IMPL_H

#include "math/kernels.h"
#include "math/simd.h"

#include <math.h>

enum { DOUBLES = LANES / 2, HELD = STY_NORM_CHANNELS / DOUBLES };

typedef float v_half __attribute__((vector_size(4 * DOUBLES)));
typedef double v_double __attribute__((vector_size(8 * DOUBLES)));

/* gcc converts the halves of a vector one by one unless told. */
V_INLINE v_double v_load_doubles(const float *x) {
    v_half v;
    memcpy(&v, x, sizeof v);
#if defined(__AVX2__) && !defined(__AVX512F__)
    return (v_double)_mm256_cvtps_pd((__m128)v);
#else
    return __builtin_convertvector(v, v_double);
#endif
}

V_INLINE v_half v_floats(v_double v) {
#if defined(__AVX2__) && !defined(__AVX512F__)
    return (v_half)_mm256_cvtpd_ps((__m256d)v);
#else
    return __builtin_convertvector(v, v_half);
#endif
}

V_INLINE v_double v_load_double(const double *x) {
    v_double v;
    memcpy(&v, x, sizeof v);
    return v;
}

/* Sum of x - mean, or of its square. */
V_INLINE double row_moment(const float *x, size_t n, double mean, int squared) {
    v_double sum[4] = {{0}, {0}, {0}, {0}};
    double lane[DOUBLES], total = 0;
    size_t i = 0;
    for (; i + 4 * DOUBLES <= n; i += 4 * DOUBLES)
#pragma GCC unroll 4
        for (int k = 0; k < 4; k++) {
            const v_double d = v_load_doubles(x + i + k * DOUBLES) - mean;
            sum[k] += squared ? d * d : d;
        }
    sum[0] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    memcpy(lane, &sum[0], sizeof lane);
    for (size_t k = 0; k < DOUBLES; k++)
        total += lane[k];
    for (; i < n; i++) {
        const double d = (double)x[i] - mean;
        total += squared ? d * d : d;
    }
    return total;
}

/* y = (x - mean) scale gain + shift over n <= DOUBLES channels. */
V_INLINE void scale_part(const float *x, size_t n, v_double mean, v_double scale, const float *gain,
                         const float *shift, float *to) {
    float in[DOUBLES] = {0}, g[DOUBLES] = {0}, s[DOUBLES] = {0};
    v_half y, gains, shifts;
    memcpy(in, x, n * sizeof *x);
    y = v_floats((v_load_doubles(in) - mean) * scale);
    if (gain) {
        memcpy(g, gain, n * sizeof *g);
        memcpy(&gains, g, sizeof gains);
        y *= gains;
    }
    if (shift) {
        memcpy(s, shift, n * sizeof *s);
        memcpy(&shifts, s, sizeof shifts);
        y += shifts;
    }
    memcpy(to, &y, n * sizeof *to);
}

static void layer_norm(const float *x, size_t n, size_t c, float eps, const float *gain, const float *shift,
                       float *y) {
    for (size_t i = 0; i < n; i++, x += c, y += c) {
        const double mean = row_moment(x, c, 0, 0) / (double)c;
        const double variance = row_moment(x, c, mean, 1) / (double)c;
        const double factor = 1.0 / sqrt(variance + (double)eps);
        const v_double means = mean - (v_double){0}, scale = factor - (v_double){0};
        size_t j = 0;
        for (; j + DOUBLES <= c; j += DOUBLES)
            scale_part(x + j, DOUBLES, means, scale, gain ? gain + j : NULL, shift ? shift + j : NULL, y + j);
        if (j < c) scale_part(x + j, c - j, means, scale, gain ? gain + j : NULL, shift ? shift + j : NULL, y + j);
    }
}

/* sum[j] of x - mean[j], or of its square, over n positions c apart, m channels. */
static void channel_moments(const float *x, size_t n, size_t c, size_t m, const double *mean, int squared,
                            double *sum) {
    if (m == STY_NORM_CHANNELS) {
        v_double held[HELD];
#pragma GCC unroll 8
        for (int k = 0; k < HELD; k++)
            held[k] = (v_double){0};
        for (size_t i = 0; i < n; i++)
#pragma GCC unroll 8
            for (int k = 0; k < HELD; k++) {
                const v_double d = v_load_doubles(x + i * c + k * DOUBLES) - v_load_double(mean + k * DOUBLES);
                held[k] += squared ? d * d : d;
            }
        memcpy(sum, held, sizeof held);
        return;
    }
    for (size_t j = 0; j < m; j++) {
        sum[j] = 0;
        for (size_t i = 0; i < n; i++) {
            const double d = (double)x[i * c + j] - mean[j];
            sum[j] += squared ? d * d : d;
        }
    }
}

static void channel_scale(const float *x, size_t n, size_t c, size_t m, const double *mean, const double *scale,
                          const float *gain, const float *shift, float *y) {
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < m; j += DOUBLES) {
            const float *g = gain ? gain + j : NULL, *s = shift ? shift + j : NULL;
            const size_t at = i * c + j;
            const v_double means = v_load_double(mean + j), scales = v_load_double(scale + j);
            if (m - j >= DOUBLES) scale_part(x + at, DOUBLES, means, scales, g, s, y + at);
            else scale_part(x + at, m - j, means, scales, g, s, y + at);
        }
}

#endif
