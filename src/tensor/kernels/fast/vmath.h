/* SPDX-License-Identifier: MIT
 * vmath.h - exp and the logistic function on vectors, about 2 ulp over the whole range: overflow
 * gives infinity, underflow denormals and zero, and a NaN stays one. Intrinsics only for what the
 * vector extensions cannot say. */
#ifndef UM_VMATH_H
#define UM_VMATH_H

#include "tensor/kernels/fast/vec.h"

#if defined __AVX2__
#include <immintrin.h>
#elif defined UM_NEON
#include <arm_neon.h>
#endif

/* a * b + c: in one rounding where the instruction set can, always in two where it cannot. What the
 * compiler fuses by itself may differ between a loop and its tail; this does not. */
INLINE vf vmadd(vf a, vf b, vf c)
{
#if UM_VW == 16
    return _mm512_fmadd_ps(a, b, c);
#elif UM_VW == 8 && defined __FMA__
    return _mm256_fmadd_ps(a, b, c);
#elif defined UM_NEON
    return vfmaq_f32(c, a, b);
#else
    return a * b + c;
#endif
}

INLINE vf vsqrt(vf x)
{
#if UM_VW == 16
    return _mm512_sqrt_ps(x);
#elif UM_VW == 8
    return _mm256_sqrt_ps(x);
#elif defined UM_NEON
    return vsqrtq_f32(x);
#else
    for (int i = 0; i < VW; i++) x[i] = __builtin_sqrtf(x[i]);
    return x;
#endif
}

/* a > b ? a : b and a < b ? a : b: where one is not a number, the second */
INLINE vf vmax(vf a, vf b)
{
#if UM_VW == 16
    return _mm512_max_ps(a, b);
#elif UM_VW == 8
    return _mm256_max_ps(a, b);
#else
    return vselect(a > b, a, b);
#endif
}
INLINE vf vmin(vf a, vf b)
{
#if UM_VW == 16
    return _mm512_min_ps(a, b);
#elif UM_VW == 8
    return _mm256_min_ps(a, b);
#else
    return vselect(a < b, a, b);
#endif
}

INLINE vf vabs(vf x) { return (vf)((vi)x & 0x7fffffff); }

/* a NaN in x passes */
INLINE vf vclamp(float low, vf x, float high) { return vmin(vset(high), vmax(vset(low), x)); }

/* exp(x) = 2^n exp(r), x = n ln 2 + r, |r| <= ln(2) / 2, for n that fits the bits of an int: gives
 * exp(r), by Taylor to r^7. */
INLINE vf exp_rest(vf x, vi *n)
{
    const vf shift = vset(12582912.0f); /* 1.5 * 2^23 brings the whole number n to the low bits */
    const vf t = vmadd(x, vset(1.44269504f), shift), whole = t - shift;
    const vf most = vmadd(whole, vset(-0.693359375f), x); /* ln 2 in two parts; this product is */
    const vf r = vmadd(whole, vset(2.12194440e-4f), most); /* exact */
    vf p = vmadd(r, vset(1.0f / 5040), vset(1.0f / 720));
    p = vmadd(r, p, vset(1.0f / 120));
    p = vmadd(r, p, vset(1.0f / 24));
    p = vmadd(r, p, vset(1.0f / 6));
    p = vmadd(r, p, vset(0.5f));
    *n = (vi)t - (vi)shift;
    return vmadd(r, vmadd(r, p, vset(1)), vset(1));
}

/* exp(x) over the whole range: 2^n in two factors, since n leaves the range of a float's exponent
 * where the result overflows or is denormal. */
INLINE vf vexp(vf x)
{
    vi n;
    const vf rest = exp_rest(vclamp(-104.0f, x, 89.0f), &n);
    const vi half = n >> 1;
    return rest * (vf)((half + 127) << 23) * (vf)((n - half + 127) << 23);
}

/* exp(x) for -87 <= x <= 88 in one factor: 1.6e-38 below, infinity above. */
INLINE vf vexp_normal(vf x)
{
    vi n;
    const vf rest = exp_rest(vclamp(-87.0f, x, 89.0f), &n);
    return rest * (vf)((n + 127) << 23);
}

/* 1 / (1 + exp(-x)); 0 below -88 */
INLINE vf vsigmoid(vf x) { return 1 / (1 + vexp_normal(-x)); }

#endif
