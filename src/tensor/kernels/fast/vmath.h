/* SPDX-License-Identifier: MIT
 * vmath.h - exp and the logistic function on vectors, about 2 ulp over the whole range: overflow
 * gives infinity, underflow denormals and zero, and a NaN stays one. Intrinsics only for what the
 * vector extensions cannot say. */
#ifndef UM_VMATH_H
#define UM_VMATH_H

#include "tensor/kernels/fast/vec.h"

#if defined __AVX2__
#include <immintrin.h>
#elif defined __aarch64__
#include <arm_neon.h>
#endif

/* a * b + c: in one rounding where the instruction set can, always in two where it cannot. What the
 * compiler fuses by itself may differ between a loop and its tail; this does not. */
INLINE vf vmadd(vf a, vf b, vf c)
{
#if defined __AVX512F__
    return _mm512_fmadd_ps(a, b, c);
#elif defined __FMA__
    return _mm256_fmadd_ps(a, b, c);
#elif defined __aarch64__
    return vfmaq_f32(c, a, b);
#else
    return a * b + c;
#endif
}

INLINE vf vsqrt(vf x)
{
#if defined __AVX512F__
    return _mm512_sqrt_ps(x);
#elif defined __AVX2__
    return _mm256_sqrt_ps(x);
#elif defined __aarch64__
    return vsqrtq_f32(x);
#else
    for (int i = 0; i < VW; i++) x[i] = __builtin_sqrtf(x[i]);
    return x;
#endif
}

INLINE vf vabs(vf x) { return (vf)((vi)x & 0x7fffffff); }

/* a NaN in x passes; vmin and vmax of vec.h answer with their second argument then */
INLINE vf vclamp(float low, vf x, float high) { return vmin(vset(high), vmax(vset(low), x)); }

/* exp(x) = 2^n exp(r), x = n ln 2 + r, |r| <= ln(2) / 2; Taylor to r^7. 2^n in two factors, since n
 * leaves the range of a float's exponent where the result overflows or is denormal. */
INLINE vf vexp(vf x)
{
    x = vclamp(-104.0f, x, 89.0f);
    const vf shift = vset(12582912.0f); /* 1.5 * 2^23 brings the whole number n to the low bits */
    const vf t = vmadd(x, vset(1.44269504f), shift), n = t - shift;
    const vf most = vmadd(n, vset(-0.693359375f), x); /* ln 2 in two parts; this product is exact */
    const vf r = vmadd(n, vset(2.12194440e-4f), most);
    vf p = vmadd(r, vset(1.0f / 5040), vset(1.0f / 720));
    p = vmadd(r, p, vset(1.0f / 120));
    p = vmadd(r, p, vset(1.0f / 24));
    p = vmadd(r, p, vset(1.0f / 6));
    p = vmadd(r, p, vset(0.5f));
    p = vmadd(r, vmadd(r, p, vset(1)), vset(1));
    const vi whole = (vi)t - (vi)shift, half = whole >> 1;
    return p * (vf)((half + 127) << 23) * (vf)((whole - half + 127) << 23);
}

INLINE vf vsigmoid(vf x) { return 1 / (1 + vexp(-x)); }

#endif
