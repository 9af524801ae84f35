/* SPDX-License-Identifier: MIT
 * direct.c - convolution of any kind as a matrix product over patches.
 *
 *     forward   y = patches(x) W
 *     dx        the pixels of dx fall into stride x stride classes by their place modulo the
 * stride; those of one class see the same taps of the filter, so each class is a small convolution
 * of dy dw        dW = patches(x)^T dy, pixels in order
 *
 * Patches are gathered for ROWS results and some rows of the filter at a time, so that they stay in
 * the L2 cache, where each is read once for every panel. */
#include "tensor/kernels/fast/conv2d.h"

#include <omp.h>

enum { ROWS = 4 * MR, DEPTH = 1152, CHUNK_FLOATS = 1 << 20, CHUNK_MIN = 18 * MR, CHUNK_MAX = 1024 };

/* One convolution without dilation: result (r, q) of rows x cols reads, for tap (u, v) of tall x
 * wide, pixel (r * step + top + u, q * step + left + v) of an image h x w x c. Result (r, q) is
 * pixel (first_row + r * spread, first_col + q * spread) of an image of out_h x out_w x out_c. */
typedef struct plan {
    int n, rows, cols;
    int tall, wide, step, top, left;
    int h, w, c;
    int out_h, out_w, out_c, first_row, first_col, spread;
} plan;

static plan forward_plan(const um_conv2d_shape *s)
{
    const int ho = um_conv2d_out(s, s->h), wo = um_conv2d_out(s, s->w);
    return (plan){ .n = s->n,
                   .rows = ho,
                   .cols = wo,
                   .tall = s->k,
                   .wide = s->k,
                   .step = s->stride,
                   .top = -s->pad,
                   .left = -s->pad,
                   .h = s->h,
                   .w = s->w,
                   .c = s->ci,
                   .out_h = ho,
                   .out_w = wo,
                   .out_c = s->co,
                   .spread = 1 };
}

/* Taps of the filter that the inputs of class a see: first, first + stride, ... */
static int first_tap(const um_conv2d_shape *s, int a)
{
    return (a + s->pad) % s->stride;
}
static int taps(const um_conv2d_shape *s, int a)
{
    return ceil_div(UM_MAX(s->k - first_tap(s, a), 0), s->stride);
}

/* Class (a, b) of dx. Input row stride * r + a was reached by tap first + stride * u from output
 * row r + (a + pad) / stride - u; taps are taken from the last to the first, so that rows ascend.
 */
static plan class_plan(const um_conv2d_shape *s, int a, int b)
{
    return (plan){ .n = s->n,
                   .rows = ceil_div(UM_MAX(s->h - a, 0), s->stride),
                   .cols = ceil_div(UM_MAX(s->w - b, 0), s->stride),
                   .tall = taps(s, a),
                   .wide = taps(s, b),
                   .step = 1,
                   .top = (a + s->pad) / s->stride - taps(s, a) + 1,
                   .left = (b + s->pad) / s->stride - taps(s, b) + 1,
                   .h = um_conv2d_out(s, s->h),
                   .w = um_conv2d_out(s, s->w),
                   .c = s->co,
                   .out_h = s->h,
                   .out_w = s->w,
                   .out_c = s->ci,
                   .first_row = a,
                   .first_col = b,
                   .spread = s->stride };
}

/* rows of the filter to a step over the depth of the product */
static int filter_rows(const plan *p)
{
    return UM_MIN(UM_MAX(1, DEPTH / UM_MAX(1, p->wide * p->c)), UM_MAX(1, p->tall));
}
static int filter_size(const plan *p)
{
    return p->tall * p->wide * p->c;
}

/* patch <- what rows u0 .. u1 - 1 of the filter see for result t */
static void gather(const plan *p, const float *x, int t, int u0, int u1, float *patch)
{
    const int n = t / (p->rows * p->cols), r = t / p->cols % p->rows, q = t % p->cols;
    const int col = q * p->step + p->left, line = p->wide * p->c;
    const int v0 = UM_MIN(UM_MAX(0, -col), p->wide), v1 = UM_MAX(v0, UM_MIN(p->wide, p->w - col));
    for (int u = u0; u < u1; u++, patch += line) {
        const int row = r * p->step + p->top + u;
        if (row < 0 || row >= p->h) {
            memset(patch, 0, sizeof(float) * line);
            continue;
        }
        const float *from = x + (((size_t)n * p->h + row) * p->w + (col + v0)) * p->c;
        memset(patch, 0, sizeof(float) * v0 * p->c);
        memcpy(patch + v0 * p->c, from, sizeof(float) * (v1 - v0) * p->c);
        memset(patch + v1 * p->c, 0, sizeof(float) * (p->wide - v1) * p->c);
    }
}

/* results[i][..] (+)= patches of results t .. t + m - 1 times the packed filters */
static void multiply(const plan *p, const float *x, const float *filters, const float *bias, int t,
                     int m, float *patches, float *results, ptrdiff_t result_row, bool add)
{
    const int step = filter_rows(p), size = filter_size(p);
    int u = 0;
    do {
        const int u1 = UM_MIN(u + step, p->tall), depth = (u1 - u) * p->wide * p->c;
        for (int i = 0; i < m; i++) gather(p, x, t + i, u, u1, patches + (size_t)i * depth);
        for (int c = 0; c < p->out_c; c += NR) {
            const float *panel = filters + (size_t)c * size + (size_t)u * p->wide * p->c * NR;
            gemm_rows(m, UM_MIN(NR, p->out_c - c), depth, patches, depth, panel,
                      bias && u == 0 ? bias + c : NULL, results + c, result_row, add || u > 0);
        }
        u = u1;
    } while (u < p->tall);
}

/* the results of one class of dx to their pixels */
static void spread(const plan *p, int t, int m, const float *results, float *y, bool add)
{
    for (int i = 0; i < m; i++, t++, results += p->out_c) {
        const int n = t / (p->rows * p->cols), r = t / p->cols % p->rows, q = t % p->cols;
        const int row = p->first_row + r * p->spread, col = p->first_col + q * p->spread;
        float *to = y + (((size_t)n * p->out_h + row) * p->out_w + col) * p->out_c;
        if (!add)
            memcpy(to, results, sizeof(float) * p->out_c);
        else
            for (int c = 0; c < p->out_c; c++) to[c] += results[c];
    }
}

/* floats of patches and of spread results that a thread needs */
static size_t patch_floats(const plan *p)
{
    return (size_t)ROWS * filter_rows(p) * p->wide * p->c;
}
static size_t thread_floats(const plan *p)
{
    return (patch_floats(p) + (p->spread > 1 ? (size_t)ROWS * p->out_c : 0) + 31) / 16 * 16;
}

/* Inside a parallel region: every result of the plan. */
static void convolve(const plan *p, const float *x, const float *filters, const float *bias,
                     float *y, bool add, float *own)
{
    float *results = own + patch_floats(p);
    const int count = p->n * p->rows * p->cols;
#pragma omp for nowait
    for (int t = 0; t < count; t += ROWS) {
        const int m = UM_MIN(ROWS, count - t);
        if (p->spread == 1)
            multiply(p, x, filters, bias, t, m, own, y + (size_t)t * p->out_c, p->out_c, add);
        else {
            multiply(p, x, filters, bias, t, m, own, results, p->out_c, false);
            spread(p, t, m, results, y, add);
        }
    }
}

void TIER(direct)(const um_conv2d_shape *s, const float *x, const float *w, const float *bias,
                  float *y, float *scratch)
{
    const plan p = forward_plan(s);
    const int size = filter_size(&p), depth = p.wide * p.c;
    float *own = scratch + (size_t)size * round_up(s->co, NR);
#pragma omp parallel if (worth_sharing(conv2d_multiply_adds(s)))
    {
#pragma omp for collapse(2)
        for (int c = 0; c < s->co; c += NR)
            for (int u = 0; u < s->k; u++)
                pack_rows(depth, UM_MIN(NR, s->co - c), w + (size_t)u * depth * s->co + c, s->co,
                          scratch + (size_t)c * size + (size_t)u * depth * NR);
        convolve(&p, x, scratch, bias, y, false, own + omp_get_thread_num() * thread_floats(&p));
    }
}

/* the filters of class (a, b), tap (tall - 1 - u, wide - 1 - v) of the class first, transposed */
static void pack_class(const um_conv2d_shape *s, int a, int b, const float *w, float *filters)
{
    const plan p = class_plan(s, a, b);
#pragma omp for collapse(2) nowait
    for (int c = 0; c < s->ci; c += NR)
        for (int t = 0; t < p.tall * p.wide; t++) {
            const int i = first_tap(s, a) + s->stride * (p.tall - 1 - t / p.wide);
            const int j = first_tap(s, b) + s->stride * (p.wide - 1 - t % p.wide);
            pack_cols(s->co, UM_MIN(NR, s->ci - c),
                      w + ((size_t)(i * s->k + j) * s->ci + c) * s->co, s->co,
                      filters + (size_t)c * filter_size(&p) + (size_t)t * s->co * NR);
        }
}

/* the class with the most taps needs the most room */
static size_t dx_thread_floats(const um_conv2d_shape *s)
{
    size_t most = 0;
    for (int a = 0; a < s->stride; a++)
        for (int b = 0; b < s->stride; b++) {
            const plan p = class_plan(s, a, b);
            most = UM_MAX(most, thread_floats(&p));
        }
    return most;
}

void TIER(direct_dx)(const um_conv2d_shape *s, const float *dy, const float *w, float *dx, bool add,
                     float *scratch)
{
    const int columns = round_up(s->ci, NR), classes = s->stride * s->stride;
    float *own = scratch + (size_t)s->k * s->k * s->co * columns;
#pragma omp parallel if (worth_sharing(conv2d_multiply_adds(s)))
    {
        float *filters = scratch;
        for (int i = 0; i < classes; i++) {
            const plan p = class_plan(s, i / s->stride, i % s->stride);
            pack_class(s, i / s->stride, i % s->stride, w, filters);
            filters += (size_t)filter_size(&p) * columns;
        }
#pragma omp barrier
        filters = scratch;
        for (int i = 0; i < classes; i++) {
            const plan p = class_plan(s, i / s->stride, i % s->stride);
            convolve(&p, dy, filters, NULL, dx, add,
                     own + omp_get_thread_num() * dx_thread_floats(s));
            filters += (size_t)filter_size(&p) * columns;
        }
    }
}

/* Patches of a chunk of pixels lie 16 floats further apart than they are long: at a power of two
 * they would share a few sets of the cache. */
static int patch_row(const plan *p)
{
    return round_up(filter_size(p), 16) + 16;
}
static int chunk_pixels(const plan *p)
{
    return UM_MIN(UM_MAX(CHUNK_MIN, CHUNK_FLOATS / patch_row(p)), CHUNK_MAX);
}

void TIER(direct_dw)(const um_conv2d_shape *s, const float *x, const float *dy, float *dw, bool add,
                     float *scratch)
{
    const plan p = forward_plan(s);
    const int size = filter_size(&p), row = patch_row(&p), chunk = chunk_pixels(&p);
    const int count = p.n * p.rows * p.cols, height = round_up(ceil_div(size, 16), MR);
    float *patches = scratch, *panels = scratch + (size_t)chunk * row;
#pragma omp parallel if (worth_sharing(conv2d_multiply_adds(s)))
    for (int t = 0; t < count; t += chunk) {
        const int m = UM_MIN(chunk, count - t);
#pragma omp for nowait
        for (int i = 0; i < m; i++) gather(&p, x, t + i, 0, p.tall, patches + (size_t)i * row);
#pragma omp for
        for (int c = 0; c < s->co; c += NR)
            pack_rows(m, UM_MIN(NR, s->co - c), dy + (size_t)t * s->co + c, s->co,
                      panels + (size_t)c * chunk);
#pragma omp for collapse(2)
        for (int r = 0; r < size; r += height)
            for (int c = 0; c < s->co; c += NR)
                gemm_cols(UM_MIN(height, size - r), UM_MIN(NR, s->co - c), m, patches + r, row,
                          panels + (size_t)c * chunk, NULL, dw + (size_t)r * s->co + c, s->co,
                          add || t > 0);
    }
}

size_t TIER(direct_scratch)(const um_conv2d_shape *s, int threads)
{
    const plan p = forward_plan(s);
    const size_t y = (size_t)filter_size(&p) * round_up(s->co, NR) + threads * thread_floats(&p);
    const size_t dx =
        (size_t)s->k * s->k * s->co * round_up(s->ci, NR) + threads * dx_thread_floats(s);
    const size_t dw = (size_t)chunk_pixels(&p) * (patch_row(&p) + round_up(s->co, NR));
    return UM_MAX(y, UM_MAX(dx, dw));
}
