/* lanes.h - vectors of STY_LANES floats, one frame to a lane. Floor 2.
 *
 * Included by the kernels only, after STY_LANES is defined as 4, 8 or 16 (and STY_NEON, if
 * NEON's fused multiply-adds are wanted). Written
 * in the vector types that gcc and clang share, so every width compiles for every
 * processor; intrinsics stand where the compilers need to be told. Every
 * operation treats its lanes alike and none mixes lanes but lanes_turn. */
#ifndef STY_AUDIO_LANES_H
#define STY_AUDIO_LANES_H

#ifndef STY_LANES
#define STY_LANES 4
#endif

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define LANES_INLINE static inline __attribute__((always_inline, unused))

/* Before short loops over arrays of vectors: unrolled, these arrays live in registers. */
#if defined(__clang__)
#define LANES_UNROLL _Pragma("unroll")
#else
#define LANES_UNROLL _Pragma("GCC unroll 8")
#endif

typedef float lanes __attribute__((vector_size(4 * STY_LANES), may_alias));
typedef int32_t lanes_int __attribute__((vector_size(4 * STY_LANES), may_alias));
typedef float quad __attribute__((vector_size(16), may_alias));

LANES_INLINE lanes lanes_set(float x) { return x - (lanes){0}; }

/* a b + c with one rounding; by way of double where the path has no instruction for it. Bins that are quiet beside
 * loud ones are made of what these products leave over: with two roundings they are a third further off. */
LANES_INLINE lanes lanes_fma(lanes a, lanes b, lanes c) {
#if STY_LANES == 16 && defined(__AVX512F__)
    return (lanes)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif STY_LANES == 8 && defined(__FMA__)
    return (lanes)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif STY_LANES == 4 && defined(STY_NEON)
    return (lanes)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    typedef double doubles __attribute__((vector_size(8 * STY_LANES)));
    const doubles product = __builtin_convertvector(a, doubles) * __builtin_convertvector(b, doubles);
    return __builtin_convertvector(product + __builtin_convertvector(c, doubles), lanes);
#endif
}

LANES_INLINE lanes lanes_sqrt(lanes a) {
#if STY_LANES == 16 && defined(__AVX512F__)
    return (lanes)_mm512_sqrt_ps((__m512)a);
#elif STY_LANES == 8 && defined(__AVX__)
    return (lanes)_mm256_sqrt_ps((__m256)a);
#elif STY_LANES == 4 && defined(__SSE2__)
    return (lanes)_mm_sqrt_ps((__m128)a);
#elif STY_LANES == 4 && defined(__aarch64__)
    return (lanes)vsqrtq_f32((float32x4_t)a);
#else
    for (int i = 0; i < STY_LANES; i++)
        a[i] = __builtin_sqrtf(a[i]);
    return a;
#endif
}

LANES_INLINE lanes lanes_choose(lanes_int mask, lanes yes, lanes no) {
    return (lanes)((mask & (lanes_int)yes) | (~mask & (lanes_int)no));
}

/* a < low ? low : a and a > high ? high : a; NaN stays NaN, as x86's extremes return
 * their second operand then. */
LANES_INLINE lanes lanes_at_least(lanes a, lanes low) {
#if STY_LANES == 16 && defined(__AVX512F__)
    return (lanes)_mm512_max_ps((__m512)low, (__m512)a);
#elif STY_LANES == 8 && defined(__AVX__)
    return (lanes)_mm256_max_ps((__m256)low, (__m256)a);
#elif STY_LANES == 4 && defined(__SSE2__)
    return (lanes)_mm_max_ps((__m128)low, (__m128)a);
#else
    return lanes_choose(a < low, low, a);
#endif
}

LANES_INLINE lanes lanes_at_most(lanes a, lanes high) {
#if STY_LANES == 16 && defined(__AVX512F__)
    return (lanes)_mm512_min_ps((__m512)high, (__m512)a);
#elif STY_LANES == 8 && defined(__AVX__)
    return (lanes)_mm256_min_ps((__m256)high, (__m256)a);
#elif STY_LANES == 4 && defined(__SSE2__)
    return (lanes)_mm_min_ps((__m128)high, (__m128)a);
#else
    return lanes_choose(a > high, high, a);
#endif
}

/* a, from here on in a register: gcc would rather read an operand from memory again
 * for every use, and reads are what a butterfly waits for. */
LANES_INLINE lanes lanes_held(lanes a) {
#if STY_LANES == 16 && defined(__AVX512F__)
    __asm__("" : "+v"(a));
#elif (STY_LANES == 8 && defined(__AVX__)) || (STY_LANES == 4 && defined(__SSE2__))
    __asm__("" : "+x"(a));
#endif
    return a;
}

/* Four at a time, and each step for all four: one alone would wait for itself. */
#define LANES_FOUR LANES_UNROLL for (int j = 0; j < 4; j++)

/* v[j] = e scale_e + ln(m) scale_m + offset for v[j] = m 2^e, sqrt(1/2) <= m < sqrt(2),
 * of normal positive numbers: any logarithm with any affine map behind it. ln(m) is
 * a polynomial within 3.1e-8. NaN and inf come out as v scale_m. */
LANES_INLINE void lanes_log(lanes v[4], float scale_e, float scale_m, float offset) {
    static const float factors[] = {0.128549069f, -0.132078737f, 0.141900077f, -0.166165248f,
                                    0.200016156f, -0.25001058f,  0.333333284f};
    lanes f[4], p[4], y[4];
    LANES_FOUR {
        const lanes_int bits = (lanes_int)v[j];
        const lanes_int exponent = (bits - 0x3f3504f3) >> 23; /* sqrt(1/2) */
        f[j] = (lanes)(bits - (exponent << 23)) - 1.0f;
        y[j] = lanes_fma(__builtin_convertvector(exponent, lanes), lanes_set(scale_e), lanes_set(offset));
        p[j] = lanes_set(-0.0763121843f);
    }
    LANES_UNROLL
    for (size_t i = 0; i < sizeof factors / sizeof *factors; i++)
        LANES_FOUR p[j] = lanes_fma(p[j], f[j], lanes_set(factors[i]));
    LANES_FOUR {
        const lanes square = f[j] * f[j];
        const lanes ln = lanes_fma(square * f[j], p[j], lanes_fma(square, lanes_set(-0.5f), f[j]));
        y[j] = lanes_fma(ln, lanes_set(scale_m), y[j]);
        v[j] = lanes_choose(v[j] < lanes_set(__builtin_inff()), y[j], v[j] * scale_m);
    }
}

/* ---- memory ---- */

LANES_INLINE quad quad_load(const float *from) {
    quad q;
    memcpy(&q, from, sizeof q);
    return q;
}

LANES_INLINE void quad_store(float *to, quad q) { memcpy(to, &q, sizeof q); }

/* Four floats from each of the rows 0, 4, 8, ... behind each other. */
LANES_INLINE lanes lanes_gather(const float *const *rows, size_t at) {
    const quad a = quad_load(rows[0] + at);
#if STY_LANES == 4
    return a;
#else
    typedef float eight __attribute__((vector_size(32), may_alias));
    const eight ab = __builtin_shufflevector(a, quad_load(rows[4] + at), 0, 1, 2, 3, 4, 5, 6, 7);
#if STY_LANES == 8
    return ab;
#else
    const eight cd = __builtin_shufflevector(quad_load(rows[8] + at), quad_load(rows[12] + at), 0, 1, 2,
                                             3, 4, 5, 6, 7);
    return __builtin_shufflevector(ab, cd, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#endif
#endif
}

/* The same four floats in every group of four lanes. */
LANES_INLINE lanes lanes_repeat(const float *from) {
    const float *rows[16];
    for (int i = 0; i < 16; i++)
        rows[i] = from;
    return lanes_gather(rows, 0);
}

LANES_INLINE quad lanes_quad(lanes a, size_t group) {
    quad q;
    memcpy(&q, (const float *)&a + 4 * group, sizeof q);
    return q;
}

/* Index lists of two-operand shuffles that stay within groups of four lanes. */
#if STY_LANES == 4
#define LANES_PATTERN(a, b, c, d) a, b, c + 0, d + 0
#define LANES_OTHER 4
#elif STY_LANES == 8
#define LANES_PATTERN(a, b, c, d) a, b, c, d, a + 4, b + 4, c + 4, d + 4
#define LANES_OTHER 8
#else
#define LANES_PATTERN(a, b, c, d)                                                                  \
    a, b, c, d, a + 4, b + 4, c + 4, d + 4, a + 8, b + 8, c + 8, d + 8, a + 12, b + 12, c + 12, d + 12
#define LANES_OTHER 16
#endif

/* In every group of four lanes, the 4 x 4 matrix of v[0..3] transposed. */
LANES_INLINE void lanes_turn(lanes v[4]) {
    enum { O = LANES_OTHER };
    const lanes ab_low = __builtin_shufflevector(v[0], v[1], LANES_PATTERN(0, O, 1, O + 1));
    const lanes ab_high = __builtin_shufflevector(v[0], v[1], LANES_PATTERN(2, O + 2, 3, O + 3));
    const lanes cd_low = __builtin_shufflevector(v[2], v[3], LANES_PATTERN(0, O, 1, O + 1));
    const lanes cd_high = __builtin_shufflevector(v[2], v[3], LANES_PATTERN(2, O + 2, 3, O + 3));
    v[0] = __builtin_shufflevector(ab_low, cd_low, LANES_PATTERN(0, 1, O, O + 1));
    v[1] = __builtin_shufflevector(ab_low, cd_low, LANES_PATTERN(2, 3, O + 2, O + 3));
    v[2] = __builtin_shufflevector(ab_high, cd_high, LANES_PATTERN(0, 1, O, O + 1));
    v[3] = __builtin_shufflevector(ab_high, cd_high, LANES_PATTERN(2, 3, O + 2, O + 3));
}

#endif
