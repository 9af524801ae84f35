/* SPDX-License-Identifier: MIT
 * vec.h - one vector type for every instruction set, by GCC vector extensions (ADR 0005 says
 * why). VW floats to a vector; MR x NR is the register block of the matrix product. Everything here
 * is static: a shared copy compiled with wide instructions must not reach older processors. */
#ifndef UM_VEC_H
#define UM_VEC_H

#include <stddef.h>
#include <string.h>

/* Given from outside where tests emulate an instruction set. */
#ifndef UM_VW
#if defined __AVX512F__
#define UM_VW 16
#elif defined __AVX__
#define UM_VW 8
#else
#define UM_VW 4
#endif
#endif

#if UM_VW == 16 /* 32 registers: 28 sums + 2 of B + 1 of A */
enum { VW = 16, MR = 14, NV = 2 };
#elif UM_VW == 8 /* 16 registers: 12 sums + 2 of B + 1 of A */
enum { VW = 8, MR = 6, NV = 2 };
#elif defined UM_NEON /* 32 registers: 24 sums + 3 of B + 1 of A */
enum { VW = 4, MR = 8, NV = 3 };
#else /* SSE2: 16 registers */
enum { VW = 4, MR = 6, NV = 2 };
#endif
enum { NR = NV * VW };

typedef float vf __attribute__((vector_size(4 * VW)));
typedef int vi __attribute__((vector_size(4 * VW)));
typedef float vfu __attribute__((vector_size(4 * VW), aligned(4), may_alias));

#define INLINE static inline __attribute__((always_inline))

INLINE vf ld(const float *p) { return *(const vfu *)p; }
INLINE void st(float *p, vf v) { *(vfu *)p = v; }
INLINE vf vset(float x) { return x - (vf){ 0 }; }

/* the first n lanes, the others zero: a tail takes the same vector code as the rest */
INLINE vf ldn(const float *p, ptrdiff_t n)
{
    if (n >= VW) return ld(p);
    vf v = { 0 };
    if (n > 0) memcpy(&v, p, 4 * (size_t)n);
    return v;
}
INLINE void stn(float *p, vf v, ptrdiff_t n)
{
    if (n >= VW) st(p, v);
    else if (n > 0) memcpy(p, &v, 4 * (size_t)n);
}

INLINE vf vselect(vi m, vf a, vf b) { return (vf)((m & (vi)a) | (~m & (vi)b)); }

/* sum of the lanes, in a fixed order */
INLINE float vsum(vf v)
{
    float s = 0;
    for (int i = 0; i < VW; i++) s += v[i];
    return s;
}

/* unroll the constant loop that follows, whole: each compiler has its own words */
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 64")
#endif

#endif
