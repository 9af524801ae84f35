/* SPDX-License-Identifier: MIT
 * patches.h - a convolution of any kind, and its adjoint in x, as products of patches and filters.
 *
 * The pixels of dx fall into stride x stride classes by their place modulo the stride; those of one
 * class see the same taps of the filter, so each class is a small convolution of dy. */
#ifndef UM_PATCHES_H
#define UM_PATCHES_H

#include "tensor/kernels/fast/conv2d.h"

/* One convolution without dilation: result (r, q) of rows x cols reads, for tap (u, v) of tall x
 * wide, pixel (r * step + top + u, q * step + left + v) of an image h x w x c. Result (r, q) is
 * pixel (first_row + r * spread, first_col + q * spread) of an image of out_h x out_w x out_c. */
typedef struct view {
    int n, rows, cols;
    int tall, wide, step, top, left;
    int h, w, c;
    int out_h, out_w, out_c, first_row, first_col, spread;
} view;

INLINE view forward_view(const um_conv2d_shape *s)
{
    const int ho = um_conv2d_out(s, s->h), wo = um_conv2d_out(s, s->w);
    return (view){ .n = s->n, .rows = ho, .cols = wo,
                   .tall = s->k, .wide = s->k, .step = s->stride, .top = -s->pad, .left = -s->pad,
                   .h = s->h, .w = s->w, .c = s->ci,
                   .out_h = ho, .out_w = wo, .out_c = s->co, .spread = 1 };
}

/* Taps of the filter that the inputs of class a see: first, first + stride, ... */
INLINE int first_tap(const um_conv2d_shape *s, int a)
{
    return (a + s->pad) % s->stride;
}
INLINE int taps(const um_conv2d_shape *s, int a)
{
    return ceil_div(UM_MAX(s->k - first_tap(s, a), 0), s->stride);
}

/* Class (a, b) of dx. Input row stride * r + a was reached by tap first + stride * u from output
 * row r + (a + pad) / stride - u; taps are taken from the last to the first, so that rows
 * ascend. */
INLINE view class_view(const um_conv2d_shape *s, int a, int b)
{
    return (view){ .n = s->n,
                   .rows = ceil_div(UM_MAX(s->h - a, 0), s->stride),
                   .cols = ceil_div(UM_MAX(s->w - b, 0), s->stride),
                   .tall = taps(s, a), .wide = taps(s, b), .step = 1,
                   .top = (a + s->pad) / s->stride - taps(s, a) + 1,
                   .left = (b + s->pad) / s->stride - taps(s, b) + 1,
                   .h = um_conv2d_out(s, s->h), .w = um_conv2d_out(s, s->w), .c = s->co,
                   .out_h = s->h, .out_w = s->w, .out_c = s->ci,
                   .first_row = a, .first_col = b, .spread = s->stride };
}

INLINE int results_of(const view *v)
{
    return v->n * v->rows * v->cols;
}
INLINE int depth_of(const view *v)
{
    return v->tall * v->wide * v->c;
}

/* where result t stands */
typedef struct spot {
    int image, row, col;
} spot;

INLINE spot spot_of(const view *v, int t)
{
    return (spot){ t / (v->rows * v->cols), t / v->cols % v->rows, t % v->cols };
}

/* patch <- what rows u .. u_end - 1 of the filter see for result t, numbers of `size` bytes; all of
 * them make depth_of(v) */
INLINE void gather(const view *v, size_t size, const void *x, int t, int u, int u_end, void *patch)
{
    const spot s = spot_of(v, t);
    const int col = s.col * v->step + v->left;
    const size_t pixel = size * v->c, line = v->wide * pixel;
    const int before = UM_MIN(UM_MAX(0, -col), v->wide);
    const int inside = UM_MAX(0, UM_MIN(v->wide, v->w - col) - before);
    char *to = patch;
    for (; u < u_end; u++, to += line) {
        const int row = s.row * v->step + v->top + u;
        if (row < 0 || row >= v->h || inside == 0) {
            memset(to, 0, line);
            continue;
        }
        const size_t from = ((size_t)s.image * v->h + row) * v->w + (col + before);
        const size_t start = before * pixel, count = inside * pixel;
        memset(to, 0, start);
        memcpy(to + start, (const char *)x + from * pixel, count);
        memset(to + start + count, 0, line - start - count);
    }
}

/* results of a class of dx, t .. t + m - 1, to their pixels of y */
INLINE void scatter(const view *v, int t, int m, const float *results, float *y, bool add)
{
    for (int i = 0; i < m; i++, results += v->out_c) {
        const spot s = spot_of(v, t + i);
        const int row = v->first_row + s.row * v->spread, col = v->first_col + s.col * v->spread;
        float *to = y + (((size_t)s.image * v->out_h + row) * v->out_w + col) * v->out_c;
        for (int c = 0; c < v->out_c; c += VW) {
            const vf r = ldn(results + c, v->out_c - c);
            stn(to + c, add ? ldn(to + c, v->out_c - c) + r : r, v->out_c - c);
        }
    }
}

#endif
