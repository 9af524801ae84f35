/* SPDX-License-Identifier: MIT
 * winograd.h - tiles of F(4x4, 3x3) (Lavin and Gray, arXiv 1509.09308) and their transforms
 *
 *     y = A^T [ sum_ci (G w G^T) * (B^T d B) ] A        for each 4 x 4 tile of y, d its 6 x 6
 * pixels of x
 *
 * on the points 0, +-sqrt(1/2), +-sqrt 2, infinity. With M(t) = t (t^2 - 1/2) (t^2 - 2) all
 * coefficients stay near 1: the error is a fifth of that of the usual points 0, +-1, +-2, infinity.
 *
 * A transform in one dimension goes from vectors `from` apart to vectors `to` apart; a tile is an
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
    NEAR = VW << 14, /* floats of transformed pixels of a thread alone: in its L2 cache */
    CHUNK = 5 << 17, /* floats of transformed pixels at a time: they stay in the L3 cache */
};

static const float P = 0.707106781f, Q = 1.414213562f, PP = 0.5f, QQ = 2.0f;
static const float GP = -2.0f / 3, GQ = 1.0f / 6; /* 1 / M'(P), 1 / M'(Q); 1 / M'(0) = 1 */

/* o = B^T d */
INLINE void input_1d(const vf *d, int from, vf *o, int to)
{
    const vf d0 = d[0], d1 = d[from], d2 = d[2 * from], d3 = d[3 * from], d4 = d[4 * from],
             d5 = d[5 * from];
    const vf e = d4 - QQ * d2, f = d3 - QQ * d1, g = d4 - PP * d2, h = d3 - PP * d1;
    o[0] = d0 - (PP + QQ) * d2 + d4;
    o[to] = e + P * f;
    o[2 * to] = e - P * f;
    o[3 * to] = g + Q * h;
    o[4 * to] = g - Q * h;
    o[5 * to] = d1 - (PP + QQ) * d3 + d5;
}

/* o = A^T m */
INLINE void output_1d(const vf *m, int from, vf *o, int to)
{
    const vf m0 = m[0], s = m[from] + m[2 * from], d = m[from] - m[2 * from],
             t = m[3 * from] + m[4 * from], e = m[3 * from] - m[4 * from], m5 = m[5 * from];
    o[0] = m0 + s + t;
    o[to] = P * d + Q * e;
    o[2 * to] = PP * s + QQ * t;
    o[3 * to] = PP * P * d + QQ * Q * e + m5;
}

/* o = A y, the adjoint of output_1d */
INLINE void output_adjoint_1d(const vf *y, int from, vf *o, int to)
{
    const vf y0 = y[0], y1 = y[from], y2 = y[2 * from], y3 = y[3 * from];
    const vf e = y0 + PP * y2, f = P * (y1 + PP * y3), g = y0 + QQ * y2, h = Q * (y1 + QQ * y3);
    o[0] = y0;
    o[to] = e + f;
    o[2 * to] = e - f;
    o[3 * to] = g + h;
    o[4 * to] = g - h;
    o[5 * to] = y3;
}

/* o = G w */
INLINE void filter_1d(const vf *w, int from, vf *o, int to)
{
    const vf w0 = w[0], w1 = w[from], w2 = w[2 * from];
    const vf e = GP * (w0 + PP * w2), f = GP * P * w1, g = GQ * (w0 + QQ * w2), h = GQ * Q * w1;
    o[0] = w0;
    o[to] = e + f;
    o[2 * to] = e - f;
    o[3 * to] = g + h;
    o[4 * to] = g - h;
    o[5 * to] = w2;
}

/* o = G^T u, the adjoint of filter_1d */
INLINE void filter_adjoint_1d(const vf *u, int from, vf *o, int to)
{
    const vf u0 = u[0], u5 = u[5 * from];
    const vf s = GP * (u[from] + u[2 * from]), d = GP * P * (u[from] - u[2 * from]);
    const vf t = GQ * (u[3 * from] + u[4 * from]), e = GQ * Q * (u[3 * from] - u[4 * from]);
    o[0] = u0 + s + t;
    o[to] = d + e;
    o[2 * to] = PP * s + QQ * t + u5;
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
    const float *image = x + (size_t)p.image * g->h * g->w * channels;
    const ptrdiff_t row = (ptrdiff_t)g->w * channels;
    if (p.row >= 0 && p.col >= 0 && p.row + side <= g->h && p.col + side <= g->w) {
        const float *first = image + p.row * row + (ptrdiff_t)p.col * channels;
        for (int i = 0; i < side; i++, first += row) UNROLL
        for (int j = 0; j < side; j++) at[i * SIDE + j] = first + (ptrdiff_t)j * channels;
        return;
    }
    bool cols[SIDE];
    UNROLL
    for (int j = 0; j < side; j++) cols[j] = p.col + j >= 0 && p.col + j < g->w;
    for (int i = 0; i < side; i++) {
        const bool rows = p.row + i >= 0 && p.row + i < g->h;
        const ptrdiff_t first = (p.row + i) * row + (ptrdiff_t)p.col * channels;
        UNROLL
        for (int j = 0; j < side; j++)
            at[i * SIDE + j] = rows && cols[j] ? image + first + (ptrdiff_t)j * channels : zero;
    }
}

/* `lanes` channels from c on of v <- B^T d B, d the SIDE x SIDE pixels at `at`. One dimension at a
 * time, so that few numbers are alive: half as many registers as points serve. */
INLINE void input_2d(const float *const at[POINTS], int c, const ptrdiff_t lanes, float *v,
                     size_t v_stream)
{
    vf t[POINTS];
    UNROLL
    for (int j = 0; j < SIDE; j++) {
        vf d[SIDE];
        UNROLL
        for (int i = 0; i < SIDE; i++) d[i] = ldn(at[i * SIDE + j] + c, lanes);
        input_1d(d, 1, t + j, SIDE);
    }
    UNROLL
    for (int i = 0; i < SIDE; i++) {
        vf o[SIDE];
        input_1d(t + i * SIDE, 1, o, 1);
        UNROLL
        for (int j = 0; j < SIDE; j++) st(v + (i * SIDE + j) * v_stream + c, o[j]);
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
    int c = 0;
    for (; c + VW <= channels; c += VW) input_2d(at, c, VW, v, v_stream);
    if (c < channels) input_2d(at, c, channels - c, v, v_stream);
}

/* Tiles to a chunk that one thread works at alone: their V stays in its L2 cache. 0 where a chunk
 * large enough for U to be worth reading does not. */
INLINE int apart_tiles(int channels)
{
    const int most = NEAR / (POINTS * channels) / MR * MR;
    return most < BLOCK ? 0 : UM_MIN(most, 2 * BLOCK);
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
