/* SPDX-License-Identifier: MIT
 * gemm.c - the matrix product: a depth of at most DEPTH rows of B is packed at a time, then blocks
 * of HEIGHT rows of C by one panel are shared among the threads. */
#include "tensor/kernels/fast/block.h"

enum { DEPTH = 512, HEIGHT = 4 * MR };

/* depth of each step over k: equal parts */
static int depth_of(int k)
{
    return ceil_div(k, ceil_div(k, DEPTH));
}

static void pack(const um_gemm *g, int l, int depth, int p, float *panel)
{
    const float *b = g->b + l * g->b_row + (ptrdiff_t)p * NR * g->b_col;
    const int n = UM_MIN(NR, g->n - p * NR);
    if (g->b_col == 1)
        pack_rows(depth, n, b, g->b_row, panel);
    else
        pack_cols(depth, n, b, g->b_col, panel);
}

static void multiply(const um_gemm *g, int l, int depth, int i, int p, const float *panel)
{
    const int m = UM_MIN(HEIGHT, g->m - i), n = UM_MIN(NR, g->n - p * NR);
    const float *a = g->a + i * g->a_row + l * g->a_col;
    const float *bias = l == 0 && g->bias ? g->bias + p * NR : NULL;
    float *c = g->c + i * g->c_row + p * NR;
    const bool add = g->add || l > 0;
    if (g->a_col == 1)
        gemm_rows(m, n, depth, a, g->a_row, panel, bias, c, g->c_row, add);
    else
        gemm_cols(m, n, depth, a, g->a_col, panel, bias, c, g->c_row, add);
}

void TIER(gemm_f32)(const um_gemm *g, float *scratch)
{
    const int panels = ceil_div(g->n, NR), step = depth_of(g->k);
#pragma omp parallel if (worth_sharing((double)g->m * g->n * g->k))
    for (int l = 0; l < g->k; l += step) {
        const int depth = UM_MIN(step, g->k - l);
#pragma omp for
        for (int p = 0; p < panels; p++) pack(g, l, depth, p, scratch + (size_t)p * step * NR);
#pragma omp for collapse(2)
        for (int i = 0; i < g->m; i += HEIGHT)
            for (int p = 0; p < panels; p++)
                multiply(g, l, depth, i, p, scratch + (size_t)p * step * NR);
    }
}

size_t TIER(gemm_scratch_f32)(const um_gemm *g, int threads)
{
    (void)threads;
    return (size_t)round_up(g->n, NR) * depth_of(g->k);
}
