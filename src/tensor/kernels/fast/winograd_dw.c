/* SPDX-License-Identifier: MIT
 * winograd_dw.c - the adjoint in w of Winograd's convolution:
 *
 *     dU[point] = sum over tiles of V[point]^T (A dy A^T)[point],    dw = G^T dU G
 *
 * Tiles are taken in chunks and in order; an item is a panel of NR columns of dU at one point, or
 * at all points where the tiles are few. */
#include "tensor/kernels/fast/winograd.h"

#include <omp.h>

/* Sizes of one call, and floats of each part of scratch: V[point][tile][ci],
 * D[point][panel][tile][NR], U[point][ci][NR] of each panel or thread. */
typedef struct plan {
    tiling tiles;
    int ci, co, panels, chunk, row;
    bool own;
    size_t u_stream, v_stream, d_stream;
    size_t zeros, u, v, d;
} plan;

static plan make_plan(const um_conv2d_shape *s, int threads)
{
    plan p = {
        .tiles = tile(s->n, s->h, s->w), .ci = s->ci, .co = s->co, .panels = ceil_div(s->co, NR)
    };
    p.chunk = chunk_tiles(p.tiles.count, UM_MAX(CHUNK / (POINTS * 96), ceil_div(s->ci + s->co, 2)));
    p.own = few_tiles(p.tiles.count, p.chunk, p.panels, threads);
    p.row = round_up(s->ci, 16) | 16;
    p.u_stream = (size_t)s->ci * NR + GAP;
    p.v_stream = round_up(p.chunk * p.row, 16) + GAP;
    p.d_stream = (size_t)p.chunk * p.panels * NR + GAP;
    p.zeros = round_up(UM_MAX(s->ci, s->co), 16);
    p.u = (p.own ? threads : p.panels) * POINTS * p.u_stream;
    p.v = POINTS * p.v_stream;
    p.d = POINTS * p.d_stream;
    return p;
}

/* `lanes` channels from c on of D = A dy A^T, the TILE x TILE numbers at `at` */
INLINE void grad_2d(const float *const at[POINTS], int c, const ptrdiff_t lanes, float *d,
                    size_t d_stream)
{
    vf t[POINTS];
    UNROLL
    for (int j = 0; j < TILE; j++) {
        vf y[TILE];
        UNROLL
        for (int i = 0; i < TILE; i++) y[i] = ldn(at[i * SIDE + j] + c, lanes);
        output_adjoint_1d(y, 1, t + j, SIDE);
    }
    UNROLL
    for (int i = 0; i < SIDE; i++) {
        vf o[SIDE];
        output_adjoint_1d(t + i * SIDE, 1, o, 1);
        UNROLL
        for (int j = 0; j < SIDE; j++) st(d + (i * SIDE + j) * d_stream, o[j]);
    }
}

/* D of one tile: its pixels of dy, into panels */
static void transform_grads(const plan *p, const float *dy, int t, const float *zero, float *d)
{
    const float *at[POINTS];
    pixels_at(TILE, &p->tiles, dy, p->co, place_of(&p->tiles, t), zero, at);
    for (int c = 0; c < p->panels * NR; c += VW) {
        float *to = d + (size_t)(c / NR) * p->chunk * NR + c % NR;
        if (p->co - c >= VW) grad_2d(at, c, VW, to, p->d_stream);
        else grad_2d(at, c, p->co - c, to, p->d_stream);
    }
}

/* `lanes` channels of dw (+)= G^T dU G, the nine numbers of dw `tap` apart */
INLINE void filter_grad_2d(const float *u, size_t u_stream, float *dw, size_t tap,
                           const ptrdiff_t lanes, bool add)
{
    vf t[POINTS];
    UNROLL
    for (int i = 0; i < SIDE; i++) {
        vf d[SIDE];
        UNROLL
        for (int j = 0; j < SIDE; j++) d[j] = ld(u + (i * SIDE + j) * u_stream);
        filter_adjoint_1d(d, 1, t + i * SIDE, 1);
    }
    UNROLL
    for (int j = 0; j < 3; j++) {
        vf o[3];
        filter_adjoint_1d(t + j, SIDE, o, 1);
        UNROLL
        for (int i = 0; i < 3; i++) {
            float *to = dw + (3 * i + j) * tap;
            stn(to, add ? ldn(to, lanes) + o[i] : o[i], lanes);
        }
    }
}

/* one panel of dw (+)= G^T dU G */
static void transform_sums(const plan *p, const float *u, int panel, float *dw, bool add)
{
    const int n = UM_MIN(NR, p->co - panel * NR);
    const size_t tap = (size_t)p->ci * p->co;
    for (int k = 0; k < p->ci; k++)
        for (int c = 0; c < n; c += VW) {
            const float *from = u + k * NR + c;
            float *to = dw + (size_t)k * p->co + panel * NR + c;
            if (n - c >= VW) filter_grad_2d(from, p->u_stream, to, tap, VW, add);
            else filter_grad_2d(from, p->u_stream, to, tap, n - c, add);
        }
}

/* U[point] of one panel (+)= V[point]^T D[point] over the n tiles of a chunk */
static void multiply(const plan *p, int point, int panel, int n, const float *v, const float *d,
                     float *u, bool add)
{
    gemm_cols(p->ci, UM_MIN(NR, round_up(p->co - panel * NR, VW)), n, v + point * p->v_stream,
              p->row, d + point * p->d_stream + (size_t)panel * p->chunk * NR, NULL,
              u + point * p->u_stream, NR, add);
}

void TIER(winograd_dw)(const um_conv2d_shape *s, const float *x, const float *dy, float *dw,
                       bool add, float *scratch)
{
    const plan plan_ = make_plan(s, omp_get_max_threads()), *p = &plan_;
    float *zero = scratch, *all_u = zero + p->zeros, *v = all_u + p->u, *d = v + p->v;
    const int step = p->own ? POINTS : 1;
    memset(zero, 0, sizeof(float) * p->zeros);
#pragma omp parallel if (worth_sharing(conv2d_multiply_adds(s)))
    {
        float *own_u = all_u + omp_get_thread_num() * POINTS * p->u_stream;
        for (int t0 = 0; t0 < p->tiles.count; t0 += p->chunk) {
            const int n = UM_MIN(p->chunk, p->tiles.count - t0);
#pragma omp for nowait
            for (int t = 0; t < n; t++)
                transform_pixels(&p->tiles, x, p->ci, t0 + t, zero, v + (size_t)t * p->row,
                                 p->v_stream);
#pragma omp for
            for (int t = 0; t < n; t++) transform_grads(p, dy, t0 + t, zero, d + (size_t)t * NR);
#pragma omp for collapse(2)
            for (int i0 = 0; i0 < POINTS; i0 += step)
                for (int j = 0; j < p->panels; j++) {
                    float *u = p->own ? own_u : all_u + j * POINTS * p->u_stream;
                    for (int i = i0; i < i0 + step; i++) multiply(p, i, j, n, v, d, u, t0 > 0);
                    if (p->own) transform_sums(p, u, j, dw, add);
                }
        }
        if (!p->own) {
#pragma omp for
            for (int j = 0; j < p->panels; j++)
                transform_sums(p, all_u + j * POINTS * p->u_stream, j, dw, add);
        }
    }
}

size_t TIER(winograd_dw_scratch)(const um_conv2d_shape *s, int threads)
{
    const plan p = make_plan(s, threads);
    return p.zeros + p.u + p.v + p.d;
}
