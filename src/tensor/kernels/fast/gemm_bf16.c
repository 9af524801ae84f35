/* SPDX-License-Identifier: MIT
 * gemm_bf16.c - the matrix product with bf16 operands. A depth of at most DEPTH rows of B is packed
 * at a time; then an item of work is a block of rows of A, which its thread converts, by some
 * panels. */
#include "tensor/kernels/fast/bf16.h"

#include <omp.h>

enum { DEPTH = 2048 };

/* depth of each step over k: equal parts, whole in pairs and tiles */
static int depth_of(int k)
{
    return round_up(ceil_div(k, ceil_div(k, DEPTH)), KSTEP);
}
static size_t panel_pairs(const um_gemm *g)
{
    return (size_t)pairs_of(depth_of(g->k)) * NR;
}
static size_t thread_pairs(const um_gemm *g)
{
    return round_up(ROWS * pairs_of(depth_of(g->k)), 16);
}

static void pack(const um_gemm *g, int l, int depth, int p, pair *panels)
{
    const float *b = g->b + l * g->b_row + (ptrdiff_t)p * NR * g->b_col;
    const int n = UM_MIN(NR, g->n - p * NR);
    pair *panel = panels + (size_t)p * pairs_of(depth) * NR;
    if (g->b_col == 1)
        bf16_panel_rows(depth, n, b, g->b_row, panel);
    else
        bf16_panel_cols(depth, n, b, g->b_col, panel);
}

/* rows i .. of A from number l on, times panels p .. p_end - 1 */
static void multiply(const um_gemm *g, int l, int depth, int i, int p, int p_end,
                     const pair *panels, pair *own)
{
    const int m = UM_MIN(ROWS, g->m - i);
    const float *a = g->a + i * g->a_row + l * g->a_col;
    if (g->a_col == 1)
        bf16_rows(m, depth, a, g->a_row, own);
    else
        bf16_cols(m, depth, a, g->a_col, own);
    bf16_panels(m, g->n, pairs_of(depth), own, panels, p, p_end, l == 0 ? g->bias : NULL,
                g->c + i * g->c_row, g->c_row, g->add || l > 0);
}

void TIER(gemm_bf16)(const um_gemm *g, float *scratch)
{
    const int panels = ceil_div(g->n, NR), step = depth_of(g->k);
    const int each = panels_each(ceil_div(g->m, ROWS), panels, omp_get_max_threads());
    pair *packed = (pair *)scratch, *all = packed + panels * panel_pairs(g);
#pragma omp parallel if (worth_sharing((double)g->m * g->n * g->k))
    for (int l = 0; l < g->k; l += step) {
        const int depth = UM_MIN(step, g->k - l);
        pair *own = all + omp_get_thread_num() * thread_pairs(g);
#pragma omp for
        for (int p = 0; p < panels; p++) pack(g, l, depth, p, packed);
#pragma omp for collapse(2)
        for (int i = 0; i < g->m; i += ROWS)
            for (int p = 0; p < panels; p += each)
                multiply(g, l, depth, i, p, UM_MIN(p + each, panels), packed, own);
    }
}

size_t TIER(gemm_scratch_bf16)(const um_gemm *g, int threads)
{
    return ceil_div(g->n, NR) * panel_pairs(g) + threads * thread_pairs(g);
}
