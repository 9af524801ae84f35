/* SPDX-License-Identifier: MIT
 * winograd.c - 3 x 3 convolution by Winograd's F(4x4), and its adjoint in x, which is the same
 * convolution with the filters turned by half a circle and transposed.
 *
 * A chunk of tiles is taken in two steps with a barrier between them:
 *   1. V[point][tile][ci] = B^T d B for all tiles
 *   2. an item is a block of tiles by a panel of NR channels of y:
 *      M[point] = V[point] U[point], then y = A^T M A; M is small and stays in the L2 cache.
 * U[point][ci][NR] = G w G^T of a panel is made by the thread that uses it where the tiles are few,
 * else all U come first. Nobody adds to what another thread writes and each sum is over all ci in
 * order. */
#include "tensor/kernels/fast/transpose.h"
#include "tensor/kernels/fast/winograd.h"

#include <omp.h>

/* Sizes of one convolution, and floats of each part of scratch. */
typedef struct plan {
    tiling tiles;
    int ci, co, panels;
    int chunk, block, row; /* tiles to a chunk and a block; floats to a row of V */
    bool own;              /* the threads make their U themselves */
    size_t u_stream, v_stream, m_stream;
    size_t zeros, turned, m, u, v;
} plan;

static plan make_plan(int n, int h, int w, int ci, int co, bool turn, int threads)
{
    plan p = { .tiles = tile(n, h, w), .ci = ci, .co = co, .panels = ceil_div(co, NR) };
    p.chunk = chunk_tiles(p.tiles.count, ci);
    p.own = few_tiles(p.tiles.count, p.chunk, p.panels, threads);
    p.block = ceil_div(p.chunk, ceil_div(p.chunk, p.own ? BLOCK : 2 * BLOCK));
    p.row = round_up(ci, VW);
    p.u_stream = (size_t)ci * NR + GAP;
    p.v_stream = round_up(p.chunk * p.row, 16) + GAP;
    p.m_stream = (size_t)p.block * NR + GAP;
    p.zeros = round_up(ci, 16);
    p.turned = turn ? round_up(9 * ci * co, 16) : 0;
    p.m = threads * POINTS * p.m_stream;
    p.u = (p.own ? threads : p.panels) * POINTS * p.u_stream;
    p.v = POINTS * p.v_stream;
    return p;
}
static size_t floats_of(const plan *p)
{
    return p->zeros + p->turned + p->m + p->u + p->v;
}

/* U of one panel from w [3][3][ci][co] */
static void transform_filters(const plan *p, const float *w, int panel, float *u)
{
    const int left = p->co - panel * NR;
    for (int k = 0; k < p->ci; k++)
        for (int c = 0; c < NR; c += VW) {
            vf g[POINTS];
            for (int i = 0; i < 9; i++) {
                const float *from = w + ((size_t)i * p->ci + k) * p->co + panel * NR + c;
                __builtin_prefetch(from + 12 * p->co); /* rows lie far apart: help the hardware */
                g[i / 3 * SIDE + i % 3] = ldn(from, left - c);
            }
            filter_2d(g);
            UNROLL
            for (int i = 0; i < POINTS; i++) st(u + i * p->u_stream + k * NR + c, g[i]);
        }
}

/* the channels of one panel of y of one tile (+)= A^T M A + bias */
static void transform_sums(const plan *p, const float *m, int t, int panel, const float *bias,
                           float *y, bool add)
{
    const place to = place_of(&p->tiles, t);
    const int rows = UM_MIN(TILE, p->tiles.h - to.row), cols = UM_MIN(TILE, p->tiles.w - to.col);
    float *first =
        y + (((size_t)to.image * p->tiles.h + to.row) * p->tiles.w + to.col) * p->co + panel * NR;
    const int n = UM_MIN(NR, p->co - panel * NR);
    for (int c = 0; c < n; c += VW) {
        vf d[POINTS];
        const vf b = bias ? ldn(bias + panel * NR + c, n - c) : (vf){ 0 };
        UNROLL
        for (int i = 0; i < POINTS; i++) d[i] = ld(m + i * p->m_stream + c);
        output_2d(d);
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < cols; j++) {
                float *q = first + ((size_t)i * p->tiles.w + j) * p->co + c;
                const vf v = d[i * SIDE + j] + b;
                stn(q, add ? ldn(q, n - c) + v : v, n - c);
            }
    }
}

/* turned[8 - k][a][b] <- w[k][b][a], w [9][b_count][a_count]; shared among the threads */
static void turn_filters(int b_count, int a_count, const float *w, float *turned)
{
#pragma omp for collapse(2)
    for (int k = 0; k < 9; k++)
        for (int b = 0; b < b_count; b += VW)
            for (int a = 0; a < a_count; a += VW) {
                vf r[VW];
                UNROLL
                for (int i = 0; i < VW; i++)
                    r[i] = b + i < b_count
                               ? ldn(w + ((size_t)k * b_count + b + i) * a_count + a, a_count - a)
                               : (vf){ 0 };
                transpose(r);
                UNROLL
                for (int i = 0; i < VW; i++)
                    if (a + i < a_count)
                        stn(turned + ((size_t)(8 - k) * a_count + a + i) * b_count + b, r[i],
                            b_count - b);
            }
}

/* one item: tiles b .. b + count - 1 of the chunk that starts at tile t0, by one panel */
static void multiply(const plan *p, const float *v, const float *u, float *m, int t0, int b,
                     int count, int panel, const float *bias, float *y, bool add)
{
    const int n = UM_MIN(NR, round_up(p->co - panel * NR, VW));
    for (int i = 0; i < POINTS; i++)
        gemm_rows(count, n, p->ci, v + i * p->v_stream + (size_t)b * p->row, p->row,
                  u + i * p->u_stream, NULL, m + i * p->m_stream, NR, false);
    for (int t = 0; t < count; t++)
        transform_sums(p, m + (size_t)t * NR, t0 + b + t, panel, bias, y, add);
}

static void convolve(const plan *p, const float *x, const float *w, const float *bias, float *y,
                     bool add, float *scratch)
{
    float *zero = scratch, *turned = zero + p->zeros, *all_m = turned + p->turned,
          *all_u = all_m + p->m;
    float *v = all_u + p->u;
    const float *filters = p->turned ? turned : w;
    const double multiply_adds = (double)p->tiles.count * TILE * TILE * 9 * p->ci * p->co;
    const int step = p->own ? p->chunk : p->block; /* with its own U a thread takes a whole panel */
    memset(zero, 0, sizeof(float) * p->zeros);
#pragma omp parallel if (worth_sharing(multiply_adds))
    {
        float *m = all_m + omp_get_thread_num() * POINTS * p->m_stream;
        float *own_u = all_u + omp_get_thread_num() * POINTS * p->u_stream;
        if (p->turned) turn_filters(p->co, p->ci, w, turned);
        if (!p->own) {
#pragma omp for nowait
            for (int i = 0; i < p->panels; i++)
                transform_filters(p, filters, i, all_u + i * POINTS * p->u_stream);
        }
        for (int t0 = 0; t0 < p->tiles.count; t0 += p->chunk) {
            const int n = UM_MIN(p->chunk, p->tiles.count - t0);
#pragma omp for
            for (int t = 0; t < n; t++)
                transform_pixels(&p->tiles, x, p->ci, t0 + t, zero, v + (size_t)t * p->row,
                                 p->v_stream);
#pragma omp for collapse(2)
            for (int b0 = 0; b0 < n; b0 += step)
                for (int i = 0; i < p->panels; i++) {
                    float *u = p->own ? own_u : all_u + i * POINTS * p->u_stream;
                    if (p->own) transform_filters(p, filters, i, u);
                    for (int b = b0; b < UM_MIN(b0 + step, n); b += p->block)
                        multiply(p, v, u, m, t0, b, UM_MIN(p->block, n - b), i, bias, y, add);
                }
        }
    }
}

void TIER(winograd)(const um_conv2d_shape *s, const float *x, const float *w, const float *bias,
                    float *y, float *scratch)
{
    const plan p = make_plan(s->n, s->h, s->w, s->ci, s->co, false, omp_get_max_threads());
    convolve(&p, x, w, bias, y, false, scratch);
}

void TIER(winograd_dx)(const um_conv2d_shape *s, const float *dy, const float *w, float *dx,
                       bool add, float *scratch)
{
    const plan p = make_plan(s->n, s->h, s->w, s->co, s->ci, true, omp_get_max_threads());
    convolve(&p, dy, w, NULL, dx, add, scratch);
}

size_t TIER(winograd_scratch)(const um_conv2d_shape *s, int threads)
{
    const plan y = make_plan(s->n, s->h, s->w, s->ci, s->co, false, threads);
    const plan dx = make_plan(s->n, s->h, s->w, s->co, s->ci, true, threads);
    const size_t dw = TIER(winograd_dw_scratch)(s, threads);
    return UM_MAX(dw, UM_MAX(floats_of(&y), floats_of(&dx)));
}
