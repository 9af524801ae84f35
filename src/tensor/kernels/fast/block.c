/* SPDX-License-Identifier: MIT
 * block.c - an m x NR block of C held in registers while l runs. Each step loads one row of the
 * panel (NV vectors) and m broadcast numbers of A. Heights are balanced (64 rows are 13 + 13 + 13 +
 * 13 + 12, not 4 * 14 + 8), so that no block is thin. */
#include "tensor/kernels/fast/block.h"

/* The first `nv` vectors of the panel alone: a narrow C leaves the rest out. */
INLINE void block(const int m, const int nv, int n, int k, const float *a, ptrdiff_t a_row,
                  ptrdiff_t a_col, const float *panel, const float *bias, float *c, ptrdiff_t c_row,
                  bool add)
{
    vf s[MR][NV];
    UNROLL
    for (int j = 0; j < nv; j++) {
        const vf first = bias ? ldn(bias + j * VW, n - j * VW) : (vf){ 0 };
        UNROLL
        for (int i = 0; i < m; i++) s[i][j] = first;
    }
    for (int l = 0; l < k; l++, a += a_col, panel += NR) {
        vf b[NV];
        UNROLL
        for (int j = 0; j < nv; j++) b[j] = *(const vf *)(panel + j * VW);
        UNROLL
        for (int i = 0; i < m; i++) UNROLL
        for (int j = 0; j < nv; j++) s[i][j] += a[i * a_row] * b[j];
    }
    if (n == nv * VW) {
        UNROLL
        for (int i = 0; i < m; i++) UNROLL
        for (int j = 0; j < nv; j++) {
            float *p = c + i * c_row + j * VW;
            st(p, add ? ld(p) + s[i][j] : s[i][j]);
        }
    } else {
        float t[NR] = { 0 };
        UNROLL
        for (int i = 0; i < m; i++) {
            float *p = c + i * c_row;
            UNROLL
            for (int j = 0; j < nv; j++) st(t + j * VW, s[i][j]);
            for (int j = 0; j < n; j++) p[j] = add ? p[j] + t[j] : t[j];
        }
    }
}

typedef void block_fn(int n, int k, const float *a, ptrdiff_t stride, const float *panel,
                      const float *bias, float *c, ptrdiff_t c_row, bool add);

/* One copy for each height m, width (narrow: one vector) and order of A. */
#define COPY(m, name, nv, a_row, a_col)                                                            \
    static void name##_##m(int n, int k, const float *a, ptrdiff_t stride, const float *panel,     \
                           const float *bias, float *c, ptrdiff_t c_row, bool add)                 \
    {                                                                                              \
        block(m, nv, n, k, a, a_row, a_col, panel, bias, c, c_row, add);                           \
    }
BLOCK_HEIGHTS(COPY, rows, NV, stride, 1)
BLOCK_HEIGHTS(COPY, cols, NV, 1, stride)
BLOCK_HEIGHTS(COPY, narrow_rows, 1, stride, 1)
BLOCK_HEIGHTS(COPY, narrow_cols, 1, 1, stride)

#define ENTRY(m, name) [m] = name##_##m,
static block_fn *const by_rows[2][MR + 1] = { { BLOCK_HEIGHTS(ENTRY, rows) },
                                              { BLOCK_HEIGHTS(ENTRY, narrow_rows) } };
static block_fn *const by_cols[2][MR + 1] = { { BLOCK_HEIGHTS(ENTRY, cols) },
                                              { BLOCK_HEIGHTS(ENTRY, narrow_cols) } };

void gemm_rows(int m, int n, int k, const float *a, ptrdiff_t a_row, const float *panel,
               const float *bias, float *c, ptrdiff_t c_row, bool add)
{
    for (int left = ceil_div(m, MR); left > 0; left--) {
        const int h = ceil_div(m, left);
        by_rows[n <= VW][h](n, k, a, a_row, panel, bias, c, c_row, add);
        a += h * a_row, c += h * c_row, m -= h;
    }
}

void gemm_cols(int m, int n, int k, const float *a, ptrdiff_t a_col, const float *panel,
               const float *bias, float *c, ptrdiff_t c_row, bool add)
{
    for (int left = ceil_div(m, MR); left > 0; left--) {
        const int h = ceil_div(m, left);
        by_cols[n <= VW][h](n, k, a, a_col, panel, bias, c, c_row, add);
        a += h, c += h * c_row, m -= h;
    }
}
