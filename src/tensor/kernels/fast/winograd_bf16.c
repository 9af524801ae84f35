/* SPDX-License-Identifier: MIT
 * winograd_bf16.c - 3 x 3 convolution by Winograd's F(2x2) with bf16 operands, and its adjoint in
 * x, which is the same convolution with the filters turned by half a circle and transposed.
 *
 * A chunk of tiles is transformed, V[point][tile][ci]; an item of work is then a block of tiles by
 * a panel of filters U[point], their products M[point] and the transform of M. */
#include "tensor/kernels/fast/winograd_bf16.h"

#include <omp.h>

/* V[point][tile] of tile t, numbers of one pixel in pairs */
static void transform_pixels(const plan *p, const float *x, int t, pair *v)
{
    for (int c = 0; c < p->ci; c += VW) {
        vf d[POINTS];
        load_tile(p, x, p->ci, t, SIDE, c, d);
        BOTH_WAYS(input_1d, SIDE, SIDE, d);
        UNROLL
        for (int i = 0; i < POINTS; i++) {
            const vh numbers = narrow(d[i]);
            memcpy((bf16 *)(v + i * p->v_stream) + c, &numbers, sizeof numbers);
        }
    }
}

/* U[point][pairs][NR] of one panel from w [3][3][ci][co] */
static void transform_filters(const plan *p, const float *w, int panel, pair *u)
{
    for (int l = 0; l < 2 * pairs_of(p->ci); l += 2)
        for (int c = 0; c < NR; c += VW) {
            vf g[2][POINTS];
            UNROLL
            for (int odd = 0; odd < 2; odd++) {
                for (int i = 0; i < 9; i++) {
                    const float *from = w + ((size_t)i * p->ci + l + odd) * p->co + panel * NR + c;
                    g[odd][i / 3 * SIDE + i % 3] =
                        l + odd < p->ci ? ldn(from, p->co - panel * NR - c) : (vf){ 0 };
                }
                BOTH_WAYS(filter_1d, 3, SIDE, g[odd]);
            }
            UNROLL
            for (int i = 0; i < POINTS; i++) {
                const vi both = pairs(g[0][i], g[1][i]);
                *(viu *)(u + i * p->u_stream + l / 2 * NR + c) = both;
            }
        }
}

/* the channels of one panel of tile t of y (+)= A^T M A + bias */
static void transform_sums(const plan *p, const float *m, int t, int panel, const float *bias,
                           float *y, bool add)
{
    const int each = p->down * p->across, n = UM_MIN(NR, p->co - panel * NR);
    const int top = t % each / p->across * TILE, left = t % p->across * TILE;
    float *first = y + (((size_t)(t / each) * p->h + top) * p->w + left) * p->co + panel * NR;
    for (int c = 0; c < n; c += VW) {
        vf d[POINTS];
        const vf b = bias ? ldn(bias + panel * NR + c, n - c) : (vf){ 0 };
        UNROLL
        for (int i = 0; i < POINTS; i++) d[i] = ld(m + i * p->m_stream + c);
        BOTH_WAYS(output_1d, SIDE, TILE, d);
        for (int i = 0; i < UM_MIN(TILE, p->h - top); i++)
            for (int j = 0; j < UM_MIN(TILE, p->w - left); j++) {
                float *q = first + ((size_t)i * p->w + j) * p->co + c;
                const vf v = d[i * SIDE + j] + b;
                stn(q, add ? ldn(q, n - c) + v : v, n - c);
            }
    }
}

/* one item: tiles b .. b + count - 1 of the chunk that starts at tile t0, by one panel */
static void multiply(const plan *p, const pair *v, const pair *u, float *m, int t0, int b,
                     int count, int panel, const float *bias, float *y, bool add)
{
    const int n = UM_MIN(NR, round_up(p->co - panel * NR, VW));
    for (int i = 0; i < POINTS; i++)
        bf16_block(count, n, pairs_of(p->ci), v + i * p->v_stream + (size_t)b * p->row, p->row, 1,
                   u + i * p->u_stream, NULL, m + i * p->m_stream, NR, false);
    for (int t = 0; t < count; t++)
        transform_sums(p, m + (size_t)t * NR, t0 + b + t, panel, bias, y, add);
}

/* Inside a parallel region, with all filters transformed or about to be. */
static void convolve(const plan *p, const float *x, const pair *u, const float *bias, float *y,
                     bool add, pair *v, float *m)
{
    for (int t0 = 0; t0 < p->tiles; t0 += p->chunk) {
        const int n = UM_MIN(p->chunk, p->tiles - t0);
#pragma omp for
        for (int t = 0; t < n; t++) transform_pixels(p, x, t0 + t, v + (size_t)t * p->row);
#pragma omp for collapse(2)
        for (int b = 0; b < n; b += ROWS)
            for (int i = 0; i < p->panels; i++)
                multiply(p, v, u + i * POINTS * p->u_stream, m, t0, b, UM_MIN(ROWS, n - b), i, bias,
                         y, add);
    }
}

/* pairs of U, floats of M of a thread */
static size_t u_size(const plan *p)
{
    return p->panels * POINTS * p->u_stream;
}
static size_t m_size(const plan *p)
{
    return POINTS * p->m_stream;
}

void TIER(winograd_bf16)(const um_conv2d_shape *s, const float *x, const float *w,
                         const float *bias, float *y, float *scratch)
{
    const plan plan_ = make_plan(s->n, s->h, s->w, s->ci, s->co), *p = &plan_;
    pair *v = (pair *)scratch, *u = v + v_size(p);
    float *m = scratch + v_size(p) + u_size(p);
#pragma omp parallel if (worth_sharing(conv2d_multiply_adds(s)))
    {
#pragma omp for nowait
        for (int i = 0; i < p->panels; i++)
            transform_filters(p, w, i, u + i * POINTS * p->u_stream);
        convolve(p, x, u, bias, y, false, v, m + omp_get_thread_num() * m_size(p));
    }
}

void TIER(winograd_dx_bf16)(const um_conv2d_shape *s, const float *dy, const float *w, float *dx,
                            bool add, float *scratch)
{
    const plan plan_ = make_plan(s->n, s->h, s->w, s->co, s->ci), *p = &plan_;
    pair *v = (pair *)scratch, *u = v + v_size(p);
    float *turned = scratch + v_size(p) + u_size(p);
    const size_t tap = (size_t)s->ci * s->co;
    float *m = turned + round_up(9 * s->ci * s->co, 16);
#pragma omp parallel if (worth_sharing(conv2d_multiply_adds(s)))
    {
#pragma omp for
        for (int i = 0; i < 9; i++) bf16_turn(s->ci, s->co, w + (8 - i) * tap, turned + i * tap);
#pragma omp for nowait
        for (int i = 0; i < p->panels; i++)
            transform_filters(p, turned, i, u + i * POINTS * p->u_stream);
        convolve(p, dy, u, NULL, dx, add, v, m + omp_get_thread_num() * m_size(p));
    }
}

size_t TIER(winograd_scratch_bf16)(const um_conv2d_shape *s, int threads)
{
    const plan y = make_plan(s->n, s->h, s->w, s->ci, s->co);
    const plan dx = make_plan(s->n, s->h, s->w, s->co, s->ci);
    const size_t turned = round_up(9 * s->ci * s->co, 16);
    const size_t a = v_size(&y) + u_size(&y) + threads * m_size(&y);
    const size_t b = v_size(&dx) + u_size(&dx) + turned + threads * m_size(&dx);
    const size_t c = TIER(winograd_dw_scratch_bf16)(s, threads);
    return UM_MAX(a, UM_MAX(b, c));
}
