/* SPDX-License-Identifier: MIT
 * block.c - an m x NR block of C held in registers while l runs. Each step loads one row of the
 * panel (NV vectors) and m broadcast numbers of A. Heights are balanced (64 rows are 13 + 13 + 13 +
 * 13 + 12, not 4 * 14 + 8), so that no block is thin; every height up to MR is a fully unrolled
 * copy. */
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
#define COPIES(m)                                                                                  \
    COPY(rows, m, NV, stride, 1)                                                                   \
    COPY(cols, m, NV, 1, stride)                                                                   \
    COPY(narrow_rows, m, 1, stride, 1)                                                             \
    COPY(narrow_cols, m, 1, 1, stride)
#define COPY(name, m, nv, a_row, a_col)                                                            \
    static void name##_##m(int n, int k, const float *a, ptrdiff_t stride, const float *panel,     \
                           const float *bias, float *c, ptrdiff_t c_row, bool add)                 \
    {                                                                                              \
        block(m, nv, n, k, a, a_row, a_col, panel, bias, c, c_row, add);                           \
    }
COPIES(1)
COPIES(2)
COPIES(3)
COPIES(4) COPIES(5) COPIES(6)
#if UM_VW == 16
    COPIES(7) COPIES(8) COPIES(9) COPIES(10) COPIES(11) COPIES(12) COPIES(13) COPIES(14)
#define MORE(x) , x##_7, x##_8, x##_9, x##_10, x##_11, x##_12, x##_13, x##_14
#elif defined UM_NEON
    COPIES(7) COPIES(8)
#define MORE(x) , x##_7, x##_8
#else
#define MORE(x)
#endif
#define HEIGHTS(x)                                                                                 \
    {                                                                                              \
        NULL, x##_1, x##_2, x##_3, x##_4, x##_5, x##_6 MORE(x)                                     \
    }
        static block_fn *const by_rows[2][MR + 1] = { HEIGHTS(rows), HEIGHTS(narrow_rows) };
static block_fn *const by_cols[2][MR + 1] = { HEIGHTS(cols), HEIGHTS(narrow_cols) };

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
