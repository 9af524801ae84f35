/* SPDX-License-Identifier: MIT
 * vmath.h - exp and the logistic function on vectors, about 2 ulp over the whole range: overflow
 * gives infinity, underflow denormals and zero, and a NaN stays one. */
#ifndef UM_VMATH_H
#define UM_VMATH_H

#include "tensor/kernels/fast/vec.h"

INLINE vf vabs(vf x) { return (vf)((vi)x & 0x7fffffff); }

/* a NaN in x passes; vmin and vmax of vec.h answer with their second argument then */
INLINE vf vclamp(float low, vf x, float high) { return vmin(vset(high), vmax(vset(low), x)); }

/* exp(x) = 2^n exp(r), x = n ln 2 + r, |r| <= ln(2) / 2; Taylor to r^7. 2^n in two factors, since n
 * leaves the range of a float's exponent where the result overflows or is denormal. */
INLINE vf vexp(vf x)
{
    x = vclamp(-104.0f, x, 89.0f);
    const vf t = x * 1.44269504f + 12582912.0f; /* 1.5 * 2^23: the whole number n in the low bits */
    const vf n = t - 12582912.0f;
    const vf r = x - n * 0.693359375f + n * 2.12194440e-4f; /* ln 2 in two parts */
    vf p = 1.0f / 720 + r * (1.0f / 5040);
    p = 1.0f / 24 + r * (1.0f / 120 + r * p);
    p = 1 + r * (1 + r * (0.5f + r * (1.0f / 6 + r * p)));
    const vi whole = (vi)t - 0x4b400000, half = whole >> 1; /* bits of 12582912.0f */
    return p * (vf)((half + 127) << 23) * (vf)((whole - half + 127) << 23);
}

INLINE vf vsigmoid(vf x) { return 1 / (1 + vexp(-x)); }

INLINE vf vsqrt(vf x)
{
    for (int i = 0; i < VW; i++) x[i] = __builtin_sqrtf(x[i]);
    return x;
}

#endif
