/* SPDX-License-Identifier: MIT
 * winograd_bf16.h - tiles of F(2x2, 3x3) (Lavin and Gray, arXiv 1509.09308) for bf16 operands, and
 * their transforms
 *
 *     y = A^T [ sum_ci (G w G^T) * (B^T d B) ] A    for each 2 x 2 tile of y, d its 4 x 4 pixels
 *
 * Transforms are made in float, and rounded when they become factors. Their coefficients are 0, 1
 * and 1/2, so that a rounded factor is hardly worse than a rounded pixel; those of F(4x4) would
 * magnify the rounding three times as much. */
#ifndef UM_WINOGRAD_BF16_H
#define UM_WINOGRAD_BF16_H

#include "tensor/kernels/fast/bf16.h"
#include "tensor/kernels/fast/conv2d.h"

enum {
    TILE = 2,
    SIDE = 4,
    POINTS = SIDE * SIDE,
    GAP = 16,        /* pairs between the POINTS streams, lest they share sets of the cache */
    CHUNK = 5 << 17, /* pairs of transformed pixels at a time: they stay in the L3 cache */
};

/* Transforms of one dimension, numbers `step` apart, in place. */

INLINE void input_1d(vf *d, int step)
{
    const vf d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step];
    d[0] = d0 - d2, d[step] = d1 + d2, d[2 * step] = d2 - d1, d[3 * step] = d1 - d3;
}
INLINE void output_1d(vf *m, int step)
{
    const vf m0 = m[0], m1 = m[step], m2 = m[2 * step], m3 = m[3 * step];
    m[0] = m0 + m1 + m2, m[step] = m1 - m2 - m3;
}
INLINE void output_adjoint_1d(vf *y, int step)
{
    const vf y0 = y[0], y1 = y[step];
    y[step] = y0 + y1, y[2 * step] = y0 - y1, y[3 * step] = -y1;
}
INLINE void filter_1d(vf *w, int step)
{
    const vf w0 = w[0], w1 = w[step], w2 = w[2 * step], e = 0.5f * (w0 + w2), f = 0.5f * w1;
    w[step] = e + f, w[2 * step] = e - f, w[3 * step] = w2;
}
INLINE void filter_adjoint_1d(vf *u, int step)
{
    const vf u0 = u[0], u1 = u[step], u2 = u[2 * step], u3 = u[3 * step], e = 0.5f * (u1 + u2);
    u[0] = u0 + e, u[step] = 0.5f * (u1 - u2), u[2 * step] = e + u3;
}

/* Along `rows` rows, then along `cols` columns of a tile of SIDE x SIDE vectors. */
#define BOTH_WAYS(transform, rows, cols, t)                                \
    do {                                                                   \
        UNROLL                                                             \
        for (int i_ = 0; i_ < (rows); i_++) transform((t) + i_ * SIDE, 1); \
        UNROLL                                                             \
        for (int j_ = 0; j_ < (cols); j_++) transform((t) + j_, SIDE);     \
    } while (0)

/* Sizes of one convolution from ci to co channels. Pairs: a row of V, and the streams. */
typedef struct plan {
    int h, w, ci, co, down, across, tiles, chunk, panels;
    int row;
    size_t u_stream, v_stream, m_stream, d_stream;
} plan;

INLINE plan make_plan(int n, int h, int w, int ci, int co)
{
    plan p = { .h = h, .w = w, .ci = ci, .co = co };
    p.down = ceil_div(h, TILE), p.across = ceil_div(w, TILE), p.tiles = n * p.down * p.across;
    p.panels = ceil_div(co, NR);
    p.row = round_up(ci, VW) / 2;
    const int most = UM_MAX(CHUNK / (POINTS * p.row), 2 * ROWS);
    p.chunk = round_up(ceil_div(p.tiles, ceil_div(p.tiles, most)), 2);
    p.u_stream = (size_t)pairs_of(ci) * NR + GAP;
    p.v_stream = round_up(p.chunk * p.row, 16) + GAP;
    p.m_stream = (size_t)ROWS * NR + GAP;
    p.d_stream = (size_t)p.chunk / 2 * p.panels * NR + GAP;
    return p;
}

/* The SIDE x SIDE pixels of x around tile t, or its own TILE x TILE ones, VW channels from c on;
 * pixels outside, and tiles behind the last, are zeros. */
INLINE void load_tile(const plan *p, const float *x, int channels, int t, int side, int c,
                      vf d[POINTS])
{
    const int around = side == SIDE, each = p->down * p->across;
    const int top = t % each / p->across * TILE - around, left = t % p->across * TILE - around;
    const float *image = x + (size_t)(t / each) * p->h * p->w * channels;
    for (int i = 0; i < side; i++)
        for (int j = 0; j < side; j++) {
            const int row = top + i, col = left + j;
            const bool inside =
                t < p->tiles && row >= 0 && row < p->h && col >= 0 && col < p->w;
            d[i * SIDE + j] =
                inside ? ldn(image + ((size_t)row * p->w + col) * channels + c, channels - c)
                       : (vf){ 0 };
        }
}

/* pairs of V */
INLINE size_t v_size(const plan *p)
{
    return POINTS * p->v_stream;
}

#endif
