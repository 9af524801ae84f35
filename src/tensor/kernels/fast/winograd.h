/* SPDX-License-Identifier: MIT
 * winograd.h - tiles of F(4x4, 3x3) (Lavin and Gray, arXiv 1509.09308) and their transforms
 *
 *     y = A^T [ sum_ci (G w G^T) * (B^T d B) ] A        for each 4 x 4 tile of y, d its 6 x 6
 * pixels of x
 *
 * on the points 0, +-sqrt(1/2), +-sqrt 2, infinity. With M(t) = t (t^2 - 1/2) (t^2 - 2) all
 * coefficients stay near 1: the error is a fifth of that of the usual points 0, +-1, +-2, infinity.
 *
 * A transform in one dimension goes from numbers `step` apart to numbers `step` apart; a tile is an
 * array of SIDE x SIDE vectors, of which a 4 x 4 or 3 x 3 one uses the corner. */
#ifndef UM_WINOGRAD_H
#define UM_WINOGRAD_H

#include "tensor/kernels/fast/conv2d.h"

enum {
    TILE = 4,
    SIDE = 6,
    POINTS = SIDE * SIDE,
    GAP = 48,        /* floats between the POINTS streams, lest they share sets of the cache */
    BLOCK = 4 * MR,  /* tiles to a block of products, or twice that */
    CHUNK = 5 << 17, /* floats of transformed pixels at a time: they stay in the L3 cache */
};

static const float P = 0.707106781f, Q = 1.414213562f, PP = 0.5f, QQ = 2.0f;
static const float GP = -2.0f / 3, GQ = 1.0f / 6; /* 1 / M'(P), 1 / M'(Q); 1 / M'(0) = 1 */

/* o = B^T d */
INLINE void input_1d(const vf *d, int step, vf *o)
{
    const vf d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step],
             d5 = d[5 * step];
    const vf e = d4 - QQ * d2, f = d3 - QQ * d1, g = d4 - PP * d2, h = d3 - PP * d1;
    o[0] = d0 - (PP + QQ) * d2 + d4;
    o[step] = e + P * f;
    o[2 * step] = e - P * f;
    o[3 * step] = g + Q * h;
    o[4 * step] = g - Q * h;
    o[5 * step] = d1 - (PP + QQ) * d3 + d5;
}

/* o = A^T m */
INLINE void output_1d(const vf *m, int step, vf *o)
{
    const vf m0 = m[0], s = m[step] + m[2 * step], d = m[step] - m[2 * step],
             t = m[3 * step] + m[4 * step], e = m[3 * step] - m[4 * step], m5 = m[5 * step];
    o[0] = m0 + s + t;
    o[step] = P * d + Q * e;
    o[2 * step] = PP * s + QQ * t;
    o[3 * step] = PP * P * d + QQ * Q * e + m5;
}

/* o = A y, the adjoint of output_1d */
INLINE void output_adjoint_1d(const vf *y, int step, vf *o)
{
    const vf y0 = y[0], y1 = y[step], y2 = y[2 * step], y3 = y[3 * step];
    const vf e = y0 + PP * y2, f = P * (y1 + PP * y3), g = y0 + QQ * y2, h = Q * (y1 + QQ * y3);
    o[0] = y0;
    o[step] = e + f;
    o[2 * step] = e - f;
    o[3 * step] = g + h;
    o[4 * step] = g - h;
    o[5 * step] = y3;
}

/* o = G w */
INLINE void filter_1d(const vf *w, int step, vf *o)
{
    const vf w0 = w[0], w1 = w[step], w2 = w[2 * step];
    const vf e = GP * (w0 + PP * w2), f = GP * P * w1, g = GQ * (w0 + QQ * w2), h = GQ * Q * w1;
    o[0] = w0;
    o[step] = e + f;
    o[2 * step] = e - f;
    o[3 * step] = g + h;
    o[4 * step] = g - h;
    o[5 * step] = w2;
}

/* o = G^T u, the adjoint of filter_1d */
INLINE void filter_adjoint_1d(const vf *u, int step, vf *o)
{
    const vf u0 = u[0], u5 = u[5 * step];
    const vf s = GP * (u[step] + u[2 * step]), d = GP * P * (u[step] - u[2 * step]);
    const vf t = GQ * (u[3 * step] + u[4 * step]), e = GQ * Q * (u[3 * step] - u[4 * step]);
    o[0] = u0 + s + t;
    o[step] = d + e;
    o[2 * step] = PP * s + QQ * t + u5;
}

/* Along each row, then along each column: in place in both dimensions. */
INLINE void input_2d(vf t[POINTS])
{
    for (int i = 0; i < SIDE; i++) input_1d(t + i * SIDE, 1, t + i * SIDE);
    for (int j = 0; j < SIDE; j++) input_1d(t + j, SIDE, t + j);
}
INLINE void output_2d(vf t[POINTS])
{
    for (int i = 0; i < SIDE; i++) output_1d(t + i * SIDE, 1, t + i * SIDE);
    for (int j = 0; j < TILE; j++) output_1d(t + j, SIDE, t + j);
}
INLINE void output_adjoint_2d(vf t[POINTS])
{
    for (int i = 0; i < TILE; i++) output_adjoint_1d(t + i * SIDE, 1, t + i * SIDE);
    for (int j = 0; j < SIDE; j++) output_adjoint_1d(t + j, SIDE, t + j);
}
INLINE void filter_2d(vf t[POINTS])
{
    for (int i = 0; i < 3; i++) filter_1d(t + i * SIDE, 1, t + i * SIDE);
    for (int j = 0; j < SIDE; j++) filter_1d(t + j, SIDE, t + j);
}
INLINE void filter_adjoint_2d(vf t[POINTS])
{
    for (int i = 0; i < SIDE; i++) filter_adjoint_1d(t + i * SIDE, 1, t + i * SIDE);
    for (int j = 0; j < 3; j++) filter_adjoint_1d(t + j, SIDE, t + j);
}

/* n images of h x w pixels in tiles: across and down, and all of them */
typedef struct tiling {
    int h, w, down, across, count;
} tiling;

INLINE tiling tile(int n, int h, int w)
{
    const int down = ceil_div(h, TILE), across = ceil_div(w, TILE);
    return (tiling){ h, w, down, across, n * down * across };
}

/* where a tile lies: image, top row, left column */
typedef struct place {
    int image, row, col;
} place;

INLINE place place_of(const tiling *g, int t)
{
    const int each = g->down * g->across;
    return (place){ t / each, t % each / g->across * TILE, t % g->across * TILE };
}

/* The first channels of side x side pixels from p on; pixels outside are `zero`, a row of zeros. */
INLINE void pixels_at(const int side, const tiling *g, const float *x, int channels, place p,
                      const float *zero, const float *at[POINTS])
{
    for (int i = 0; i < side; i++)
        for (int j = 0; j < side; j++) {
            const int row = p.row + i, col = p.col + j;
            const bool inside = row >= 0 && row < g->h && col >= 0 && col < g->w;
            at[i * SIDE + j] =
                inside ? x + (((size_t)p.image * g->h + row) * g->w + col) * channels : zero;
        }
}

/* v <- B^T d B of tile t of x, d the pixels around it; the POINTS results lie v_stream apart */
INLINE void transform_pixels(const tiling *g, const float *x, int channels, int t,
                             const float *zero, float *v, size_t v_stream)
{
    const float *at[POINTS];
    place from = place_of(g, t);
    from.row--, from.col--;
    pixels_at(SIDE, g, x, channels, from, zero, at);
    for (int c = 0; c < channels; c += VW) {
        vf d[POINTS];
        UNROLL
        for (int i = 0; i < POINTS; i++) d[i] = ldn(at[i] + c, channels - c);
        input_2d(d);
        UNROLL
        for (int i = 0; i < POINTS; i++) st(v + i * v_stream + c, d[i]);
    }
}

/* Tiles to a chunk: CHUNK floats of `channels`, two BLOCKs at the least; chunks are equal. */
INLINE int chunk_tiles(int tiles, int channels)
{
    const int most = UM_MAX(CHUNK / (POINTS * channels), 2 * BLOCK);
    return ceil_div(tiles, ceil_div(tiles, most));
}

/* Few tiles, fitting one chunk, and a panel for every thread: each thread then makes what belongs
 * to its panels itself, and nothing leaves its L2 cache. The bits are the same either way. */
INLINE bool few_tiles(int tiles, int chunk, int panels, int threads)
{
    return tiles <= chunk && tiles <= 3 * BLOCK && panels >= threads;
}

#endif
