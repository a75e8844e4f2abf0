/* simd.h - vectors of floats, as wide as the including file is compiled for, and
 * the elementary functions over them. Floor 1; included by *_impl.h files only.
 *
 * GCC and clang vector extensions: the same source gives 4 lanes on any machine
 * (SSE2, NEON), 8 with AVX2 and 16 with AVX-512. Fused multiply-adds are written
 * out, since contraction is off; without the instruction they are two roundings. Every
 * aarch64 has it, but it is used where STY_NEON is defined: the portable kernels give the
 * same bits everywhere.
 * A lane's result never depends on its place, its neighbours or the alignment.
 *
 * Largest errors against float64, on every path (tests/unit/math/test_activation.c):
 *   v_exp  2 ulp from -87 to 88.7; below, the distance of denormals; above, inf
 *   v_tanh, v_erf  2e-7 of the value;  v_sigmoid, v_log1p  3e-7 of the value
 * NaN stays NaN, infinities give their limits. Coefficients: least maximum error,
 * by reweighted least squares in 40 digits. */
#ifndef STY_MATH_SIMD_H
#define STY_MATH_SIMD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX2__) || defined(__AVX512F__)
#include <immintrin.h>
#elif defined(STY_NEON)
#include <arm_neon.h>
#endif

#if defined(__AVX512F__)
enum { LANES = 16 };
#elif defined(__AVX2__)
enum { LANES = 8 };
#else
enum { LANES = 4 };
#endif

typedef float v_float __attribute__((vector_size(4 * LANES)));
typedef int32_t v_int __attribute__((vector_size(4 * LANES)));
typedef uint32_t v_bits __attribute__((vector_size(4 * LANES)));

#define V_INLINE static inline __attribute__((always_inline, unused))

V_INLINE v_float v_load(const float *x) {
    v_float v;
    memcpy(&v, x, sizeof v);
    return v;
}

V_INLINE void v_store(float *x, v_float v) { memcpy(x, &v, sizeof v); }

/* The first n < LANES floats, zeros behind. */
V_INLINE v_float v_load_part(const float *x, size_t n) {
    float full[LANES] = {0};
    memcpy(full, x, n * sizeof *x);
    return v_load(full);
}

V_INLINE void v_store_part(float *x, v_float v, size_t n) { memcpy(x, &v, n * sizeof *x); }

V_INLINE v_float v_all(float x) { return x - (v_float){0}; }

/* a b + c */
V_INLINE v_float v_fma(v_float a, v_float b, v_float c) {
#if defined(__AVX512F__)
    return (v_float)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__AVX2__)
    return (v_float)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(STY_NEON)
    return (v_float)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    return a * b + c;
#endif
}

/* Where mask has all bits: a, else b. */
V_INLINE v_float v_select(v_int mask, v_float a, v_float b) {
    return (v_float)((mask & (v_int)a) | (~mask & (v_int)b));
}

V_INLINE v_float v_abs(v_float x) { return (v_float)((v_bits)x & 0x7fffffffu); }

/* The sign of s on x >= 0. */
V_INLINE v_float v_sign(v_float x, v_float s) {
    return (v_float)((v_bits)x | ((v_bits)s & 0x80000000u));
}

/* e^x = 2^n e^r, |r| <= ln 2 / 2. 2^n goes in as two factors, so that it may
 * overflow to infinity or end among the denormals. */
V_INLINE v_float v_exp(v_float x) {
    const float magic = 12582912.0f; /* 1.5 2^23: adding it rounds to integers */
    x = v_select(x < -104.0f, v_all(-104.0f), x);
    x = v_select(x > 89.0f, v_all(89.0f), x);
    const v_float shifted = x * 1.44269504f + magic, n = shifted - magic;
    v_float r = v_fma(n, v_all(-0.693359375f), x); /* 9 bits: the product is exact */
    r = v_fma(n, v_all(2.12194440e-4f), r);
    v_float p = v_fma(r, v_all(1.990770655e-4f), v_all(1.393373294e-3f));
    p = v_fma(p, r, v_all(8.333285833e-3f));
    p = v_fma(p, r, v_all(4.166646417e-2f));
    p = v_fma(p, r, v_all(1.666666676e-1f));
    p = v_fma(p, r, v_all(5.000000014e-1f));
    p = v_fma(p * r, r, r) + 1.0f;
    const v_int whole = (v_int)((v_bits)shifted - 0x4b400000u), half = whole >> 1;
    const v_float low = (v_float)((v_bits)(half + 127) << 23);
    const v_float high = (v_float)((v_bits)(whole - half + 127) << 23);
    return p * low * high;
}

V_INLINE v_float v_sigmoid(v_float x) { return 1.0f / (1.0f + v_exp(-x)); }

V_INLINE v_float v_tanh(v_float x) {
    const v_float a = v_abs(x), z = a * a;
    const v_float far = 1.0f - 2.0f / (v_exp(2.0f * a) + 1.0f);
    v_float p = v_fma(z, v_all(-6.010652546e-3f), v_all(2.093867563e-2f));
    p = v_fma(p, z, v_all(-5.383887288e-2f));
    p = v_fma(p, z, v_all(1.333269421e-1f));
    p = v_fma(p, z, v_all(-3.333332826e-1f));
    const v_float near = v_fma(p * z, a, a);
    return v_sign(v_select(a < 0.625f, near, far), x);
}

/* Near zero an odd polynomial; beyond, 1 - e^-q with q = -ln erfc as polynomial. */
V_INLINE v_float v_erf(v_float x) {
    const v_float a = v_abs(x), z = a * a, t = v_select(a > 4.0f, v_all(4.0f), a);
    v_float q = v_fma(t, v_all(-1.602486373e-6f), v_all(4.535450509e-5f));
    q = v_fma(q, t, v_all(-5.907145465e-4f));
    q = v_fma(q, t, v_all(4.730278508e-3f));
    q = v_fma(q, t, v_all(-2.633552952e-2f));
    q = v_fma(q, t, v_all(1.099251647e-1f));
    q = v_fma(q, t, v_all(6.319953487e-1f));
    q = v_fma(q, t, v_all(1.130131484f));
    q = v_fma(q, t, v_all(-2.942720834e-4f));
    v_float p = v_fma(z, v_all(7.889122824e-5f), v_all(-8.020842265e-4f));
    p = v_fma(p, z, v_all(5.189535450e-3f));
    p = v_fma(p, z, v_all(-2.685444465e-2f));
    p = v_fma(p, z, v_all(1.128360018e-1f));
    p = v_fma(p, z, v_all(-3.761262714e-1f));
    p = v_fma(p, z, v_all(1.283791658e-1f)); /* of erf(x) - x */
    const v_float near = v_fma(p, a, a);
    return v_sign(v_select(a < 1.0f, near, 1.0f - v_exp(-q)), x);
}

/* ln(1 + u) for 0 <= u <= 1: 2 artanh(u / (2 + u)). */
V_INLINE v_float v_log1p(v_float u) {
    const v_float s = u / (2.0f + u), z = s * s;
    v_float p = v_fma(z, v_all(1.162689054e-1f), v_all(1.085002087e-1f));
    p = v_fma(p, z, v_all(1.429640535e-1f));
    p = v_fma(p, z, v_all(1.999984815e-1f));
    p = v_fma(p, z, v_all(3.333333368e-1f));
    return 2.0f * v_fma(p * z, s, s);
}

#endif
