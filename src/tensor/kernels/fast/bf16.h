/* SPDX-License-Identifier: MIT
 * bf16.h - products whose operands are bf16, the upper halves of floats (kernels/precision.h).
 *
 * Two neighbours in k are a pair: 32 bits, the one with the even number in the low half. A is kept
 * as rows of pairs, B as panels of pairs, panel[l / 2][NR]; both are filled up with zeros to a
 * multiple of KSTEP in k. This is the order that vdpbf16ps and the tiles of AMX read; where there
 * is neither, the halves are widened to floats by a shift and a mask. */
#ifndef UM_BF16_H
#define UM_BF16_H

#include "tensor/kernels/fast/block.h"

#if defined __AVX512BF16__
#include <immintrin.h>
#endif

typedef uint16_t bf16;
typedef int pair __attribute__((may_alias));

typedef unsigned vu __attribute__((vector_size(4 * VW)));
typedef bf16 vh __attribute__((vector_size(2 * VW)));
typedef int viu __attribute__((vector_size(4 * VW), aligned(4), may_alias));

#if defined UM_TILES /* from Meson: the tier has the tile registers of AMX */
enum { KSTEP = 32, ROWS = 64 };
#else
enum { KSTEP = 2, ROWS = 4 * MR };
#endif

/* ROWS: rows of A that are converted at a time. Pairs to a row of A or a panel of k numbers: */
INLINE int pairs_of(int k)
{
    return round_up(k, KSTEP) / 2;
}

#define bf16_run TIER(bf16_run)
#define bf16_rows TIER(bf16_rows)
#define bf16_cols TIER(bf16_cols)
#define bf16_panel_rows TIER(bf16_panel_rows)
#define bf16_panel_cols TIER(bf16_panel_cols)
#define bf16_turn TIER(bf16_turn)
#define bf16_block TIER(bf16_block)

/* out <- count numbers */
void bf16_run(size_t count, const float *x, bf16 *out);

/* out[i][pairs_of(k)] <- m rows of A, which lies by rows, a[i * a_row + l], or by columns,
 * a[i + l * a_col] */
void bf16_rows(int m, int k, const float *a, ptrdiff_t a_row, pair *out);
void bf16_cols(int m, int k, const float *a, ptrdiff_t a_col, pair *out);

/* panel[pairs_of(k)][NR] <- B (k x n), columns n .. NR - 1 zero; B lies as for pack_rows or
 * pack_cols. */
void bf16_panel_rows(int k, int n, const float *b, ptrdiff_t b_row, pair *panel);
void bf16_panel_cols(int k, int n, const float *b, ptrdiff_t b_col, pair *panel);

/* turned[cols][rows] <- w[rows][cols], floats */
void bf16_turn(int rows, int cols, const float *w, float *turned);

/* C (m x n, rows c_row apart) (+)= A B + bias for one panel of B: 1 <= n <= NR; `pairs` of each row
 * of A and of the panel, a multiple of KSTEP / 2, may be 0; bias [n] or NULL. Pair l of row i of A
 * is a[i * a_row + l * a_col]; tiles of AMX need a_col = 1. A number of C is one chain of sums over
 * l: its bits depend on its row of A and column of B alone. */
void bf16_block(int m, int n, int pairs, const pair *a, ptrdiff_t a_row, ptrdiff_t a_col,
                const pair *panel, const float *bias, float *c, ptrdiff_t c_row, bool add);

/* C (+)= a block of A, converted, times panels p .. p_end - 1 of the packed B, whose panels lie
 * panel_stride apart; in steps over k whose part of a panel stays in the L1 and L2 caches. */
INLINE void bf16_panels(int m, int n, int pairs, const pair *a, const pair *panels, int p,
                        int p_end, const float *bias, float *c, ptrdiff_t c_row, bool add)
{
    enum { STEP = 256 };
    const ptrdiff_t panel_stride = (ptrdiff_t)pairs * NR;
    int l = 0;
    do {
        const int step = UM_MIN(STEP, pairs - l);
        for (int i = p; i < p_end; i++)
            bf16_block(m, UM_MIN(NR, n - i * NR), step, a + l, pairs, 1,
                       panels + i * panel_stride + (ptrdiff_t)l * NR,
                       bias && l == 0 ? bias + i * NR : NULL, c + i * NR, c_row, add || l > 0);
        l += STEP;
    } while (l < pairs);
}

/* Panels to an item of work, where each item is a block of rows: as many as leave some items to
 * every thread, so that a block is converted seldom. */
INLINE int panels_each(int blocks, int panels, int threads)
{
    const int groups = UM_MIN(panels, ceil_div(4 * threads, blocks));
    return ceil_div(panels, groups);
}

#if defined __AVX512BF16__
INLINE vh narrow(vf x)
{
    return (vh)_mm512_cvtneps_pbh((__m512)x);
}
INLINE vi low(vf x)
{
    return __builtin_convertvector(narrow(x), vi);
}
INLINE vi high(vf x)
{
    return low(x) << 16;
}
#else
/* bf16 in the upper half of each lane, and anything in the lower half; a NaN stays one */
INLINE vu rounded(vf x)
{
    const vu bits = (vu)x, even = bits >> 16 & 1;
    return (vu)vselect(x == x, (vf)(bits + even + 0x7fff), (vf)(bits | 0x400000));
}
INLINE vh narrow(vf x)
{
    return __builtin_convertvector(rounded(x) >> 16, vh);
}
INLINE vi low(vf x)
{
    return (vi)(rounded(x) >> 16);
}
INLINE vi high(vf x)
{
    return (vi)(rounded(x) & 0xffff0000);
}
#endif

INLINE vi pairs(vf even, vf odd)
{
    return low(even) | high(odd);
}

#endif
