/* SPDX-License-Identifier: MIT
 * bf16_block.c - an m x NR block of C held in registers while the pairs run, as block.c has it for
 * floats: with vdpbf16ps one step for both numbers of a pair, else the even ones first, then the
 * odd ones. */
#include "tensor/kernels/fast/bf16.h"

#if defined __AVX512BF16__
enum { HALVES = 1 };
INLINE vi operand(vi both, int half)
{
    (void)half;
    return both;
}
INLINE vf dot(vf sum, vi a, vi b)
{
    return (vf)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
}
#else
enum { HALVES = 2 };
INLINE vi operand(vi both, int half)
{
    return half ? both & (int)0xffff0000 : both << 16;
}
INLINE vf dot(vf sum, vi a, vi b)
{
    return sum + (vf)a * (vf)b;
}
#endif

/* The first `nv` vectors of the panel alone: a narrow C leaves the rest out. */
INLINE void block(const int m, const int nv, int n, int pairs, const pair *a, ptrdiff_t a_row,
                  ptrdiff_t a_col, const pair *panel, const float *bias, float *c, ptrdiff_t c_row,
                  bool add)
{
    vf s[MR][NV];
    UNROLL
    for (int j = 0; j < nv; j++) {
        const vf first = bias ? ldn(bias + j * VW, n - j * VW) : (vf){ 0 };
        UNROLL
        for (int i = 0; i < m; i++) s[i][j] = first;
    }
    for (int l = 0; l < pairs; l++, a += a_col, panel += NR) {
        UNROLL
        for (int half = 0; half < HALVES; half++) {
            vi b[NV];
            UNROLL
            for (int j = 0; j < nv; j++) b[j] = operand(*(const viu *)(panel + j * VW), half);
            UNROLL
            for (int i = 0; i < m; i++) {
                const vi x = operand(a[i * a_row] - (vi){ 0 }, half);
                UNROLL
                for (int j = 0; j < nv; j++) s[i][j] = dot(s[i][j], x, b[j]);
            }
        }
    }
    UNROLL
    for (int i = 0; i < m; i++) UNROLL
    for (int j = 0; j < nv; j++) {
        float *p = c + i * c_row + j * VW;
        const ptrdiff_t lanes = n - j * VW;
        stn(p, add ? ldn(p, lanes) + s[i][j] : s[i][j], lanes);
    }
}

typedef void block_fn(int n, int pairs, const pair *a, ptrdiff_t a_row, ptrdiff_t a_col,
                      const pair *panel, const float *bias, float *c, ptrdiff_t c_row, bool add);

/* One copy for each height and width (narrow: one vector). */
#define COPY(m, name, nv)                                                                          \
    static void name##_##m(int n, int pairs, const pair *a, ptrdiff_t a_row, ptrdiff_t a_col,      \
                           const pair *panel, const float *bias, float *c, ptrdiff_t c_row,        \
                           bool add)                                                               \
    {                                                                                              \
        block(m, nv, n, pairs, a, a_row, a_col, panel, bias, c, c_row, add);                       \
    }
BLOCK_HEIGHTS(COPY, wide, NV)
BLOCK_HEIGHTS(COPY, narrow, 1)

#define ENTRY(m, name) [m] = name##_##m,
static block_fn *const copies[2][MR + 1] = { { BLOCK_HEIGHTS(ENTRY, wide) },
                                             { BLOCK_HEIGHTS(ENTRY, narrow) } };

void bf16_block(int m, int n, int pairs, const pair *a, ptrdiff_t a_row, ptrdiff_t a_col,
                const pair *panel, const float *bias, float *c, ptrdiff_t c_row, bool add)
{
    for (int left = ceil_div(m, MR); left > 0; left--) {
        const int h = ceil_div(m, left);
        copies[n <= VW][h](n, pairs, a, a_row, a_col, panel, bias, c, c_row, add);
        a += h * a_row, c += h * c_row, m -= h;
    }
}
