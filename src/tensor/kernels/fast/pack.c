/* SPDX-License-Identifier: MIT
 * pack.c - the right operand of a matrix product in panels of NR columns, each [k][NR]. */
#include "tensor/kernels/fast/block.h"
#include "tensor/kernels/fast/transpose.h"

void pack_rows(int k, int n, const float *b, ptrdiff_t b_row, float *panel)
{
    for (int l = 0; l < k; l++, b += b_row, panel += NR)
        for (int j = 0; j < NR; j += VW) st(panel + j, ldn(b + j, n - j));
}

void pack_cols(int k, int n, const float *b, ptrdiff_t b_col, float *panel)
{
    for (int l = 0; l < k; l += VW)
        for (int j0 = 0; j0 < NR; j0 += VW) {
            vf r[VW];
            UNROLL
            for (int j = 0; j < VW; j++)
                r[j] = j0 + j < n ? ldn(b + (j0 + j) * b_col + l, k - l) : (vf){ 0 };
            transpose(r);
            UNROLL
            for (int i = 0; i < VW; i++)
                if (l + i < k) st(panel + (ptrdiff_t)(l + i) * NR + j0, r[i]);
        }
}
