/* SPDX-License-Identifier: MIT
 * direct.c - convolution of any kind as a matrix product over patches.
 *
 *     forward   y = patches(x) W
 *     dx        each class of pixels is a small convolution of dy with its taps of W, transposed
 *     dw        dW = patches(x)^T dy, pixels in order
 *
 * Patches are gathered for ROWS results and some rows of the filter at a time, so that they stay in
 * the L2 cache, where each is read once for every panel. */
#include "tensor/kernels/fast/patches.h"

#include <omp.h>

enum { ROWS = 4 * MR, DEPTH = 1152, CHUNK_FLOATS = 1 << 20, CHUNK_MIN = 18 * MR, CHUNK_MAX = 1024 };

/* rows of the filter to a step over the depth of the product */
static int filter_rows(const view *v)
{
    return UM_MIN(UM_MAX(1, DEPTH / UM_MAX(1, v->wide * v->c)), UM_MAX(1, v->tall));
}

/* results[i][..] (+)= patches of results t .. t + m - 1 times the packed filters */
static void multiply(const view *v, const float *x, const float *filters, const float *bias, int t,
                     int m, float *patches, float *results, ptrdiff_t result_row, bool add)
{
    const int step = filter_rows(v), size = depth_of(v);
    int u = 0;
    do {
        const int u1 = UM_MIN(u + step, v->tall), depth = (u1 - u) * v->wide * v->c;
        for (int i = 0; i < m; i++)
            gather(v, sizeof(float), x, t + i, u, u1, patches + (size_t)i * depth);
        for (int c = 0; c < v->out_c; c += NR) {
            const float *panel = filters + (size_t)c * size + (size_t)u * v->wide * v->c * NR;
            gemm_rows(m, UM_MIN(NR, v->out_c - c), depth, patches, depth, panel,
                      bias && u == 0 ? bias + c : NULL, results + c, result_row, add || u > 0);
        }
        u = u1;
    } while (u < v->tall);
}

/* floats of patches and of results to scatter that a thread needs */
static size_t patch_floats(const view *v)
{
    return (size_t)ROWS * filter_rows(v) * v->wide * v->c;
}
static size_t thread_floats(const view *v)
{
    return (patch_floats(v) + (v->spread > 1 ? (size_t)ROWS * v->out_c : 0) + 31) / 16 * 16;
}

/* Inside a parallel region: every result of the view. */
static void convolve(const view *v, const float *x, const float *filters, const float *bias,
                     float *y, bool add, float *own)
{
    float *results = own + patch_floats(v);
    const int count = results_of(v);
#pragma omp for nowait
    for (int t = 0; t < count; t += ROWS) {
        const int m = UM_MIN(ROWS, count - t);
        if (v->spread == 1)
            multiply(v, x, filters, bias, t, m, own, y + (size_t)t * v->out_c, v->out_c, add);
        else {
            multiply(v, x, filters, bias, t, m, own, results, v->out_c, false);
            scatter(v, t, m, results, y, add);
        }
    }
}

void TIER(direct)(const um_conv2d_shape *s, const float *x, const float *w, const float *bias,
                  float *y, float *scratch)
{
    const view v = forward_view(s);
    const int size = depth_of(&v), depth = v.wide * v.c;
    float *own = scratch + (size_t)size * round_up(s->co, NR);
#pragma omp parallel if (worth_sharing(conv2d_multiply_adds(s)))
    {
#pragma omp for collapse(2)
        for (int c = 0; c < s->co; c += NR)
            for (int u = 0; u < s->k; u++)
                pack_rows(depth, UM_MIN(NR, s->co - c), w + (size_t)u * depth * s->co + c, s->co,
                          scratch + (size_t)c * size + (size_t)u * depth * NR);
        convolve(&v, x, scratch, bias, y, false, own + omp_get_thread_num() * thread_floats(&v));
    }
}

/* the filters of class (a, b), tap (tall - 1 - u, wide - 1 - v) of the class first, transposed */
static void pack_class(const um_conv2d_shape *s, int a, int b, const float *w, float *filters)
{
    const view v = class_view(s, a, b);
#pragma omp for collapse(2) nowait
    for (int c = 0; c < s->ci; c += NR)
        for (int t = 0; t < v.tall * v.wide; t++) {
            const int i = first_tap(s, a) + s->stride * (v.tall - 1 - t / v.wide);
            const int j = first_tap(s, b) + s->stride * (v.wide - 1 - t % v.wide);
            pack_cols(s->co, UM_MIN(NR, s->ci - c),
                      w + ((size_t)(i * s->k + j) * s->ci + c) * s->co, s->co,
                      filters + (size_t)c * depth_of(&v) + (size_t)t * s->co * NR);
        }
}

/* the class with the most taps needs the most room */
static size_t dx_thread_floats(const um_conv2d_shape *s)
{
    size_t most = 0;
    for (int a = 0; a < s->stride; a++)
        for (int b = 0; b < s->stride; b++) {
            const view v = class_view(s, a, b);
            most = UM_MAX(most, thread_floats(&v));
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
            const view v = class_view(s, i / s->stride, i % s->stride);
            pack_class(s, i / s->stride, i % s->stride, w, filters);
            filters += (size_t)depth_of(&v) * columns;
        }
#pragma omp barrier
        filters = scratch;
        for (int i = 0; i < classes; i++) {
            const view v = class_view(s, i / s->stride, i % s->stride);
            convolve(&v, dy, filters, NULL, dx, add,
                     own + omp_get_thread_num() * dx_thread_floats(s));
            filters += (size_t)depth_of(&v) * columns;
        }
    }
}

/* Patches of a chunk of pixels lie 16 floats further apart than they are long: at a power of two
 * they would share a few sets of the cache. */
static int patch_row(const view *v)
{
    return round_up(depth_of(v), 16) + 16;
}
static int chunk_pixels(const view *v)
{
    return UM_MIN(UM_MAX(CHUNK_MIN, CHUNK_FLOATS / patch_row(v)), CHUNK_MAX);
}

void TIER(direct_dw)(const um_conv2d_shape *s, const float *x, const float *dy, float *dw, bool add,
                     float *scratch)
{
    const view v = forward_view(s);
    const int size = depth_of(&v), row = patch_row(&v), chunk = chunk_pixels(&v);
    const int count = results_of(&v), height = round_up(ceil_div(size, 16), MR);
    float *patches = scratch, *panels = scratch + (size_t)chunk * row;
#pragma omp parallel if (worth_sharing(conv2d_multiply_adds(s)))
    for (int t = 0; t < count; t += chunk) {
        const int m = UM_MIN(chunk, count - t);
#pragma omp for nowait
        for (int i = 0; i < m; i++)
            gather(&v, sizeof(float), x, t + i, 0, v.tall, patches + (size_t)i * row);
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
    const view v = forward_view(s);
    const size_t y = (size_t)depth_of(&v) * round_up(s->co, NR) + threads * thread_floats(&v);
    const size_t dx =
        (size_t)s->k * s->k * s->co * round_up(s->ci, NR) + threads * dx_thread_floats(s);
    const size_t dw = (size_t)chunk_pixels(&v) * (patch_row(&v) + round_up(s->co, NR));
    return UM_MAX(y, UM_MAX(dx, dw));
}
