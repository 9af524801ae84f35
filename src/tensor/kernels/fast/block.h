/* SPDX-License-Identifier: MIT
 * block.h - the block of the matrix product that every fast kernel is made of, and the packing of
 * its right operand into panels of NR columns. */
#ifndef UM_BLOCK_H
#define UM_BLOCK_H

#include "tensor/kernels/fast/tier.h"
#include "tensor/kernels/fast/vec.h"

#define gemm_rows TIER(gemm_rows)
#define gemm_cols TIER(gemm_cols)
#define pack_rows TIER(pack_rows)
#define pack_cols TIER(pack_cols)

/* C (m x n, rows c_row apart) (+)= A B + bias for one panel of B: 1 <= n <= NR, k >= 0, bias [n] or
 * NULL. panel[l * NR + j] holds B(l, j), aligned to a vector. Each number of C is one chain of
 * multiply-adds over l, so its bits depend on its row of A and column of B alone. A lies by rows,
 * A(i, l) = a[i * a_row + l], or by columns, A(i, l) = a[i + l * a_col]. */
void gemm_rows(int m, int n, int k, const float *a, ptrdiff_t a_row, const float *panel,
               const float *bias, float *c, ptrdiff_t c_row, bool add);
void gemm_cols(int m, int n, int k, const float *a, ptrdiff_t a_col, const float *panel,
               const float *bias, float *c, ptrdiff_t c_row, bool add);

/* panel <- B (k x n), columns n .. NR - 1 zero. B lies by rows, B(l, j) = b[l * b_row + j], or by
 * columns, B(l, j) = b[l + j * b_col]. */
void pack_rows(int k, int n, const float *b, ptrdiff_t b_row, float *panel);
void pack_cols(int k, int n, const float *b, ptrdiff_t b_col, float *panel);

/* X(m, ...) for every height m of a block, 1 .. MR (vec.h): each is a fully unrolled copy */
#define HEIGHTS_TO_6(X, ...)                                                                       \
    X(1, __VA_ARGS__) X(2, __VA_ARGS__) X(3, __VA_ARGS__) X(4, __VA_ARGS__) X(5, __VA_ARGS__)      \
    X(6, __VA_ARGS__)
#define HEIGHTS_TO_8(X, ...)                                                                       \
    HEIGHTS_TO_6(X, __VA_ARGS__) X(7, __VA_ARGS__) X(8, __VA_ARGS__)
#define HEIGHTS_TO_14(X, ...)                                                                      \
    HEIGHTS_TO_8(X, __VA_ARGS__) X(9, __VA_ARGS__) X(10, __VA_ARGS__) X(11, __VA_ARGS__)           \
    X(12, __VA_ARGS__) X(13, __VA_ARGS__) X(14, __VA_ARGS__)
#if UM_VW == 16
#define BLOCK_HEIGHTS HEIGHTS_TO_14
#elif defined UM_NEON
#define BLOCK_HEIGHTS HEIGHTS_TO_8
#else
#define BLOCK_HEIGHTS HEIGHTS_TO_6
#endif
#define ONE(m, sign) sign 1
_Static_assert(BLOCK_HEIGHTS(ONE, +) == MR, "a height of the block is missing");
#undef ONE

/* whether waking the other threads for so many multiply-adds brings more than it costs */
INLINE bool worth_sharing(double multiply_adds)
{
    return multiply_adds > 1 << 18;
}

INLINE int ceil_div(int a, int b)
{
    return (a + b - 1) / b;
}
INLINE int round_up(int a, int b)
{
    return ceil_div(a, b) * b;
}

#endif
