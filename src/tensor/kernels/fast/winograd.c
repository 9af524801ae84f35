/* SPDX-License-Identifier: MIT
 * winograd.c - 3 x 3 convolution by Winograd's F(4x4), and its adjoint in x, which is the same
 * convolution with the filters turned by half a circle and transposed.
 *
 * A chunk of tiles is taken in two steps:
 *   1. V[point][tile][ci] = B^T d B for all tiles
 *   2. for a block of tiles and a panel of NR channels of y:
 *      M[point] = V[point] U[point], then y = A^T M A; M is small and stays in the nearest caches.
 * Where there are tiles enough for every thread, a thread takes whole chunks, so small that V stays
 * in its L2 cache. Else all threads share a large chunk, with a barrier between the two steps.
 *
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
    bool apart;            /* each thread takes chunks of its own */
    bool own;              /* the threads make their U themselves */
    size_t u_stream, v_stream, m_stream;
    size_t zeros, turned, m, u, v;
} plan;

static plan make_plan(int n, int h, int w, int ci, int co, bool turn, int threads)
{
    plan p = { .tiles = tile(n, h, w), .ci = ci, .co = co, .panels = ceil_div(co, NR) };
    p.chunk = chunk_tiles(p.tiles.count, ci);
    p.own = few_tiles(p.tiles.count, p.chunk, p.panels, threads);
    p.apart = !p.own && apart_tiles(ci) && p.tiles.count >= threads * apart_tiles(ci);
    if (p.apart) {
        const int rounds = ceil_div(p.tiles.count, threads * apart_tiles(ci));
        p.chunk = ceil_div(p.tiles.count, threads * rounds); /* every thread has as many */
    }
    p.block = ceil_div(p.chunk, ceil_div(p.chunk, p.own || p.apart ? BLOCK : 2 * BLOCK));
    p.row = round_up(ci, VW);
    p.u_stream = (size_t)ci * NR + GAP;
    p.v_stream = round_up(p.chunk * p.row, 16) + GAP;
    p.m_stream = (size_t)p.block * NR + GAP;
    p.zeros = round_up(ci, 16);
    p.turned = turn ? round_up(9 * ci * co, 16) : 0;
    p.m = threads * POINTS * p.m_stream;
    p.u = (p.own ? threads : p.panels) * POINTS * p.u_stream;
    p.v = (p.apart ? threads : 1) * POINTS * p.v_stream;
    return p;
}
static size_t floats_of(const plan *p)
{
    return p->zeros + p->turned + p->m + p->u + p->v;
}

/* `lanes` channels of U = G w G^T, the nine numbers of w `tap` apart, the results u_stream apart */
INLINE void filter_2d(const float *w, size_t tap, const ptrdiff_t lanes, float *u, size_t u_stream)
{
    vf t[POINTS];
    UNROLL
    for (int j = 0; j < 3; j++) {
        vf g[3];
        UNROLL
        for (int i = 0; i < 3; i++) g[i] = ldn(w + (3 * i + j) * tap, lanes);
        filter_1d(g, 1, t + j, SIDE);
    }
    UNROLL
    for (int i = 0; i < SIDE; i++) {
        vf o[SIDE];
        filter_1d(t + i * SIDE, 1, o, 1);
        UNROLL
        for (int j = 0; j < SIDE; j++) st(u + (i * SIDE + j) * u_stream, o[j]);
    }
}

/* U of one panel from w [3][3][ci][co] */
static void transform_filters(const plan *p, const float *w, int panel, float *u)
{
    const size_t tap = (size_t)p->ci * p->co;
    const int left = p->co - panel * NR;
    for (int k = 0; k < p->ci; k++)
        for (int c = 0; c < NR; c += VW) {
            const float *from = w + (size_t)k * p->co + panel * NR + c;
            UNROLL
            for (int i = 0; i < 9; i++) /* rows lie far apart: help the hardware */
                __builtin_prefetch(from + i * tap + 12 * p->co);
            if (left - c >= VW) filter_2d(from, tap, VW, u + k * NR + c, p->u_stream);
            else filter_2d(from, tap, left - c, u + k * NR + c, p->u_stream);
        }
}

/* Where a tile's sums go: its top left pixel in y, and how much of it lies inside the image. */
typedef struct target {
    float *y;
    size_t row, pixel; /* floats between them */
    int rows, cols;
    bool add;
} target;

/* `lanes` channels of y (+)= A^T M A + bias, the numbers of M `stream` apart */
INLINE void output_2d(const float *m, size_t stream, vf bias, const target *to, int c,
                      const ptrdiff_t lanes)
{
    vf t[POINTS];
    UNROLL
    for (int i = 0; i < SIDE; i++) {
        vf d[SIDE];
        UNROLL
        for (int j = 0; j < SIDE; j++) d[j] = ld(m + (i * SIDE + j) * stream + c);
        output_1d(d, 1, t + i * SIDE, 1);
    }
    UNROLL
    for (int j = 0; j < TILE; j++) {
        vf o[TILE];
        output_1d(t + j, SIDE, o, 1);
        if (j >= to->cols) continue;
        UNROLL
        for (int i = 0; i < TILE; i++) {
            if (i >= to->rows) continue;
            float *q = to->y + i * to->row + j * to->pixel + c;
            const vf v = o[i] + bias;
            stn(q, to->add ? ldn(q, lanes) + v : v, lanes);
        }
    }
}

/* the channels of one panel of y of one tile (+)= A^T M A + bias */
static void transform_sums(const plan *p, const float *m, int t, int panel, const float *bias,
                           float *y, bool add)
{
    const tiling *g = &p->tiles;
    const place at = place_of(g, t);
    const size_t first = (((size_t)at.image * g->h + at.row) * g->w + at.col) * p->co + panel * NR;
    const target to = { y + first, (size_t)g->w * p->co, p->co,
                        UM_MIN(TILE, g->h - at.row), UM_MIN(TILE, g->w - at.col), add };
    const int n = UM_MIN(NR, p->co - panel * NR);
    for (int c = 0; c < n; c += VW) {
        const vf b = bias ? ldn(bias + panel * NR + c, n - c) : (vf){ 0 };
        if (n - c >= VW) output_2d(m, p->m_stream, b, &to, c, VW);
        else output_2d(m, p->m_stream, b, &to, c, n - c);
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

/* The operands of a call and where its parts lie in scratch. */
typedef struct call {
    const plan *p;
    const float *x, *filters, *bias, *zero;
    float *y, *u, *v, *m; /* v and m of this thread, where they are not shared */
    bool add;
} call;

static void transform_tile(const call *c, int t0, int t)
{
    transform_pixels(&c->p->tiles, c->x, c->p->ci, t0 + t, c->zero, c->v + (size_t)t * c->p->row,
                     c->p->v_stream);
}

/* blocks b .. end of the chunk that starts at tile t0, by one panel */
static void multiply_blocks(const call *c, const float *u, int t0, int b, int end, int panel)
{
    const plan *p = c->p;
    for (; b < end; b += p->block)
        multiply(p, c->v, u, c->m, t0, b, UM_MIN(p->block, end - b), panel, c->bias, c->y, c->add);
}

/* Inside a parallel region: chunks go round the threads. */
static void convolve_apart(const call *c)
{
    const plan *p = c->p;
#pragma omp for schedule(dynamic)
    for (int t0 = 0; t0 < p->tiles.count; t0 += p->chunk) {
        const int n = UM_MIN(p->chunk, p->tiles.count - t0);
        for (int t = 0; t < n; t++) transform_tile(c, t0, t);
        for (int i = 0; i < p->panels; i++)
            multiply_blocks(c, c->u + i * POINTS * p->u_stream, t0, 0, n, i);
    }
}

/* Inside a parallel region: all threads work at one chunk; with its own U a thread takes a whole
 * panel of it. */
static void convolve_together(const call *c)
{
    const plan *p = c->p;
    const int step = p->own ? p->chunk : p->block;
    for (int t0 = 0; t0 < p->tiles.count; t0 += p->chunk) {
        const int n = UM_MIN(p->chunk, p->tiles.count - t0);
#pragma omp for
        for (int t = 0; t < n; t++) transform_tile(c, t0, t);
#pragma omp for collapse(2)
        for (int b = 0; b < n; b += step)
            for (int i = 0; i < p->panels; i++) {
                float *u = c->u + (p->own ? omp_get_thread_num() : i) * POINTS * p->u_stream;
                if (p->own) transform_filters(p, c->filters, i, u);
                multiply_blocks(c, u, t0, b, UM_MIN(b + step, n), i);
            }
    }
}

static void convolve(const plan *p, const float *x, const float *w, const float *bias, float *y,
                     bool add, float *scratch)
{
    float *zero = scratch, *turned = zero + p->zeros, *m = turned + p->turned, *u = m + p->m,
          *v = u + p->u;
    const double multiply_adds = (double)p->tiles.count * TILE * TILE * 9 * p->ci * p->co;
    memset(zero, 0, sizeof(float) * p->zeros);
#pragma omp parallel if (worth_sharing(multiply_adds))
    {
        const int thread = omp_get_thread_num();
        const call c = {
            .p = p, .x = x, .filters = p->turned ? turned : w, .bias = bias, .zero = zero, .y = y,
            .u = u, .v = v + (p->apart ? thread : 0) * POINTS * p->v_stream,
            .m = m + thread * POINTS * p->m_stream, .add = add,
        };
        if (p->turned) turn_filters(p->co, p->ci, w, turned);
        if (!p->own) {
#pragma omp for
            for (int i = 0; i < p->panels; i++)
                transform_filters(p, c.filters, i, u + i * POINTS * p->u_stream);
        }
        if (p->apart) convolve_apart(&c);
        else convolve_together(&c);
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
