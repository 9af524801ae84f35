/* SPDX-License-Identifier: MIT
 * bf16_pack.c - operands of products to rows and panels of bf16 pairs. */
#include "tensor/kernels/fast/bf16.h"
#include "tensor/kernels/fast/transpose.h"

/* The first n of VW pairs; n <= 0: none. */
INLINE void store_pairs(pair *to, vi v, ptrdiff_t n)
{
    stn((float *)to, (vf)v, n);
}

void bf16_run(size_t count, const float *x, bf16 *out)
{
    size_t i = 0;
    for (; i + VW <= count; i += VW) {
        const vh v = narrow(ld(x + i));
        memcpy(out + i, &v, sizeof v);
    }
    const vh v = narrow(ldn(x + i, (ptrdiff_t)(count - i)));
    memcpy(out + i, &v, sizeof(bf16) * (count - i));
}

void bf16_rows(int m, int k, const float *a, ptrdiff_t a_row, pair *out)
{
    const int row = pairs_of(k);
    for (int i = 0; i < m; i++) {
        bf16 *to = (bf16 *)(out + (ptrdiff_t)i * row);
        bf16_run((size_t)k, a + i * a_row, to);
        memset(to + k, 0, sizeof(bf16) * (size_t)(2 * row - k));
    }
}

/* r[p] lane i: the pair of numbers l + 2 p and l + 2 p + 1 of column i, n columns of depth k alive;
 * numbers of a column lie l_step apart and columns side by side */
INLINE void load_pairs(int l, int k, int n, const float *a, ptrdiff_t l_step, vf r[VW])
{
    UNROLL
    for (int p = 0; p < VW; p++) {
        const int even = l + 2 * p, odd = even + 1;
        r[p] = (vf)pairs(even < k ? ldn(a + even * l_step, n) : (vf){ 0 },
                         odd < k ? ldn(a + odd * l_step, n) : (vf){ 0 });
    }
}

void bf16_cols(int m, int k, const float *a, ptrdiff_t a_col, pair *out)
{
    const int row = pairs_of(k);
    for (int l = 0; l < row; l += VW)
        for (int i0 = 0; i0 < m; i0 += VW) {
            vf r[VW];
            load_pairs(2 * l, k, m - i0, a + i0, a_col, r);
            transpose(r);
            UNROLL
            for (int i = 0; i < VW; i++)
                if (i0 + i < m)
                    store_pairs(out + (ptrdiff_t)(i0 + i) * row + l, (vi)r[i], row - l);
        }
}

void bf16_panel_rows(int k, int n, const float *b, ptrdiff_t b_row, pair *panel)
{
    for (int l = 0; l < 2 * pairs_of(k); l += 2, b += 2 * b_row, panel += NR)
        for (int j = 0; j < NR; j += VW) {
            const vf even = l < k ? ldn(b + j, n - j) : (vf){ 0 };
            const vf odd = l + 1 < k ? ldn(b + b_row + j, n - j) : (vf){ 0 };
            store_pairs(panel + j, pairs(even, odd), VW);
        }
}

/* VW pairs of one column from number l on */
INLINE vf column(const float *b, int l, int k)
{
    const vh first = narrow(ldn(b + l, k - l)), second = narrow(ldn(b + l + VW, k - l - VW));
    vf v;
    memcpy(&v, &first, sizeof first);
    memcpy((char *)&v + sizeof first, &second, sizeof second);
    return v;
}

void bf16_panel_cols(int k, int n, const float *b, ptrdiff_t b_col, pair *panel)
{
    const int depth = pairs_of(k);
    for (int l = 0; l < depth; l += VW)
        for (int j0 = 0; j0 < NR; j0 += VW) {
            vf r[VW];
            UNROLL
            for (int j = 0; j < VW; j++)
                r[j] = j0 + j < n ? column(b + (j0 + j) * b_col, 2 * l, k) : (vf){ 0 };
            transpose(r);
            UNROLL
            for (int i = 0; i < VW; i++)
                if (l + i < depth)
                    store_pairs(panel + (ptrdiff_t)(l + i) * NR + j0, (vi)r[i], VW);
        }
}

void bf16_turn(int rows, int cols, const float *w, float *turned)
{
    for (int i = 0; i < rows; i += VW)
        for (int j = 0; j < cols; j += VW) {
            vf r[VW];
            UNROLL
            for (int k = 0; k < VW; k++)
                r[k] = i + k < rows ? ldn(w + (size_t)(i + k) * cols + j, cols - j) : (vf){ 0 };
            transpose(r);
            UNROLL
            for (int k = 0; k < VW; k++)
                if (j + k < cols) stn(turned + (size_t)(j + k) * rows + i, r[k], rows - i);
        }
}
