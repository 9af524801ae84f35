/* SPDX-License-Identifier: MIT
 * winograd_dw_bf16.c - the adjoint in w of Winograd's convolution with bf16 operands:
 *
 *     dU[point] = sum over tiles of V[point]^T (A dy A^T)[point],    dw = G^T dU G
 *
 * A pair is a number of two neighbouring tiles. Tiles are taken in chunks and in order; an item of
 * work is a panel of NR columns of dU at one point. */
#include "tensor/kernels/fast/winograd_bf16.h"

#include <omp.h>

/* V[point][t / 2][ci] of tiles t and t + 1, a pair for each channel */
static void transform_pixel_pairs(const plan *p, const float *x, int t, pair *v)
{
    for (int c = 0; c < p->ci; c += VW) {
        vf d[2][POINTS];
        UNROLL
        for (int odd = 0; odd < 2; odd++) {
            load_tile(p, x, p->ci, t + odd, SIDE, c, d[odd]);
            BOTH_WAYS(input_1d, SIDE, SIDE, d[odd]);
        }
        UNROLL
        for (int i = 0; i < POINTS; i++)
            *(viu *)(v + i * p->v_stream + c) = pairs(d[0][i], d[1][i]);
    }
}

/* D[point][panel][t / 2][NR] of tiles t and t + 1 of dy */
static void transform_grad_pairs(const plan *p, const float *dy, int t, pair *to)
{
    for (int c = 0; c < p->panels * NR; c += VW) {
        vf d[2][POINTS];
        UNROLL
        for (int odd = 0; odd < 2; odd++) {
            load_tile(p, dy, p->co, t + odd, TILE, c, d[odd]);
            BOTH_WAYS(output_adjoint_1d, TILE, SIDE, d[odd]);
        }
        pair *panel = to + (size_t)(c / NR) * p->chunk / 2 * NR + c % NR;
        UNROLL
        for (int i = 0; i < POINTS; i++)
            *(viu *)(panel + i * p->d_stream) = pairs(d[0][i], d[1][i]);
    }
}

/* one panel of dw (+)= G^T dU G, dU[point][ci][panels * NR] */
static void transform_filter_sums(const plan *p, const float *u, int panel, float *dw, bool add)
{
    const size_t row = (size_t)p->panels * NR, stream = p->ci * row;
    const int n = UM_MIN(NR, p->co - panel * NR);
    for (int k = 0; k < p->ci; k++)
        for (int c = 0; c < n; c += VW) {
            vf g[POINTS];
            UNROLL
            for (int i = 0; i < POINTS; i++) g[i] = ld(u + i * stream + k * row + panel * NR + c);
            BOTH_WAYS(filter_adjoint_1d, SIDE, 3, g);
            for (int i = 0; i < 9; i++) {
                float *to = dw + ((size_t)i * p->ci + k) * p->co + panel * NR + c;
                const vf v = g[i / 3 * SIDE + i % 3];
                stn(to, add ? ldn(to, n - c) + v : v, n - c);
            }
        }
}

/* For dw V has a row of ci pairs for two tiles. */
static plan dw_plan(const um_conv2d_shape *s)
{
    plan p = make_plan(s->n, s->h, s->w, s->ci, s->co);
    p.row = round_up(s->ci, VW);
    p.v_stream = round_up(p.chunk / 2 * p.row, 16) + GAP;
    return p;
}

void TIER(winograd_dw_bf16)(const um_conv2d_shape *s, const float *x, const float *dy, float *dw,
                            bool add, float *scratch)
{
    const plan plan_ = dw_plan(s), *p = &plan_;
    const size_t row = (size_t)p->panels * NR, stream = s->ci * row;
    pair *v = (pair *)scratch, *d = v + v_size(p);
    float *u = scratch + v_size(p) + POINTS * p->d_stream;
#pragma omp parallel if (worth_sharing(conv2d_multiply_adds(s)))
    {
        for (int t0 = 0; t0 < p->tiles; t0 += p->chunk) {
            const int twos = ceil_div(UM_MIN(p->chunk, p->tiles - t0), 2);
#pragma omp for nowait
            for (int t = 0; t < twos; t++)
                transform_pixel_pairs(p, x, t0 + 2 * t, v + (size_t)t * p->row);
#pragma omp for
            for (int t = 0; t < twos; t++)
                transform_grad_pairs(p, dy, t0 + 2 * t, d + (size_t)t * NR);
#pragma omp for collapse(2)
            for (int i = 0; i < POINTS; i++)
                for (int j = 0; j < p->panels; j++)
                    bf16_block(s->ci, NR, twos, v + i * p->v_stream, 1, p->row,
                               d + i * p->d_stream + (size_t)j * p->chunk / 2 * NR, NULL,
                               u + i * stream + j * NR, (ptrdiff_t)row, t0 > 0);
        }
#pragma omp for
        for (int j = 0; j < p->panels; j++) transform_filter_sums(p, u, j, dw, add);
    }
}

size_t TIER(winograd_dw_scratch_bf16)(const um_conv2d_shape *s, int threads)
{
    (void)threads;
    const plan p = dw_plan(s);
    return v_size(&p) + POINTS * (p.d_stream + (size_t)s->ci * p.panels * NR);
}
