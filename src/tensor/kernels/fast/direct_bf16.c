/* SPDX-License-Identifier: MIT
 * direct_bf16.c - convolution of any kind with bf16 operands, as a matrix product over patches.
 *
 *     forward   y = patches(x) W
 *     dx        each class of pixels is a small convolution of dy with its taps of W, transposed
 *     dw        dW = patches(x)^T dy, pixels in order
 *
 * Images are converted in groups that stay in the L3 cache, since every tap reads each number. An
 * item of work is ROWS results, whose patches its thread gathers, by some panels of the
 * filters. */
#include "tensor/kernels/fast/bf16.h"
#include "tensor/kernels/fast/patches.h"

#include <omp.h>

enum { GROUP = 1 << 21, CHUNK_FLOATS = 1 << 20, CHUNK_MIN = 256, CHUNK_MAX = 1024 };

static size_t image_size(const view *v)
{
    return (size_t)v->h * v->w * v->c;
}
/* images to a group, of at least GROUP numbers where there are so many */
static int group_of(const view *v)
{
    return (int)UM_MIN((size_t)v->n, GROUP / image_size(v) + 1);
}

/* Floats of scratch: the converted images of a group; of a thread, patches and results to
 * scatter. */
static size_t group_floats(const view *v)
{
    return (group_of(v) * image_size(v) / 2 + 16) / 16 * 16;
}
static size_t patch_pairs(const view *v)
{
    return round_up(ROWS * pairs_of(depth_of(v)), 16);
}
static size_t thread_floats(const view *v)
{
    return patch_pairs(v) + (v->spread > 1 ? round_up(ROWS * v->out_c, 16) : 0);
}
static size_t filter_floats(const view *v)
{
    return (size_t)pairs_of(depth_of(v)) * round_up(v->out_c, NR);
}

/* filters [depth][out_c] to panels; shared among the threads */
static void pack(const view *v, const float *filters, pair *packed)
{
    const int depth = depth_of(v);
#pragma omp for
    for (int c = 0; c < v->out_c; c += NR)
        bf16_panel_rows(depth, UM_MIN(NR, v->out_c - c), filters + c, v->out_c,
                        packed + (size_t)c * pairs_of(depth));
}

/* results t .. t + m - 1 of a group by panels p .. p_end - 1; y starts with the group */
static void multiply(const view *v, const bf16 *x, const pair *packed, const float *bias, int t,
                     int m, int p, int p_end, float *y, bool add, float *own)
{
    const int depth = depth_of(v), row = pairs_of(depth);
    pair *patches = (pair *)own;
    float *results = own + patch_pairs(v);
    for (int i = 0; i < m; i++) {
        bf16 *patch = (bf16 *)(patches + (size_t)i * row);
        gather(v, sizeof(bf16), x, t + i, 0, v->tall, patch);
        memset(patch + depth, 0, sizeof(bf16) * (size_t)(2 * row - depth));
    }
    const bool direct = v->spread == 1;
    bf16_panels(m, v->out_c, row, patches, packed, p, p_end, bias,
                direct ? y + (size_t)t * v->out_c : results, v->out_c, direct && add);
    if (!direct) scatter(v, t, m, results, y, add);
}

/* Inside a parallel region: every result of the view. */
static void convolve(const view *v, const float *x, const pair *packed, const float *bias, float *y,
                     bool add, bf16 *images, float *own)
{
    const int group = group_of(v), panels = ceil_div(v->out_c, NR), line = v->w * v->c;
    const int blocks = ceil_div(UM_MAX(1, group * v->rows * v->cols), ROWS);
    const int each = v->spread > 1 ? panels : panels_each(blocks, panels, omp_get_max_threads());
    for (int n = 0; n < v->n; n += group) {
        const int here = UM_MIN(group, v->n - n), count = here * v->rows * v->cols;
        float *to = y + (size_t)n * v->out_h * v->out_w * v->out_c;
#pragma omp for
        for (int i = 0; i < here * v->h; i++)
            bf16_run((size_t)line, x + n * image_size(v) + (size_t)i * line,
                     images + (size_t)i * line);
#pragma omp for collapse(2)
        for (int t = 0; t < count; t += ROWS)
            for (int p = 0; p < panels; p += each)
                multiply(v, images, packed, bias, t, UM_MIN(ROWS, count - t), p,
                         UM_MIN(p + each, panels), to, add, own);
    }
}

void TIER(direct_bf16)(const um_conv2d_shape *s, const float *x, const float *w, const float *bias,
                       float *y, float *scratch)
{
    const view v = forward_view(s);
    pair *packed = (pair *)scratch;
    bf16 *images = (bf16 *)(scratch + filter_floats(&v));
    float *all = scratch + filter_floats(&v) + group_floats(&v);
#pragma omp parallel if (worth_sharing(conv2d_multiply_adds(s)))
    {
        pack(&v, w, packed);
        convolve(&v, x, packed, bias, y, false, images,
                 all + omp_get_thread_num() * thread_floats(&v));
    }
}

/* the filters of class (a, b), its last tap first, each tap transposed to [co][ci]; shared among
 * the threads */
static void turn_class(const um_conv2d_shape *s, int a, int b, const float *w, float *turned)
{
    const view v = class_view(s, a, b);
    const size_t tap = (size_t)s->ci * s->co;
#pragma omp for
    for (int t = 0; t < v.tall * v.wide; t++) {
        const int i = first_tap(s, a) + s->stride * (v.tall - 1 - t / v.wide);
        const int j = first_tap(s, b) + s->stride * (v.wide - 1 - t % v.wide);
        bf16_turn(s->ci, s->co, w + (i * s->k + j) * tap, turned + t * tap);
    }
}

/* The most that a class needs: turned filters, their panels, and what a thread has. */
typedef struct sizes {
    size_t turned, packed, group, own;
} sizes;

static sizes dx_sizes(const um_conv2d_shape *s)
{
    sizes most = { 0 };
    for (int a = 0; a < s->stride; a++)
        for (int b = 0; b < s->stride; b++) {
            const view v = class_view(s, a, b);
            most.turned = UM_MAX(most.turned, (size_t)round_up(depth_of(&v) * s->ci, 16));
            most.packed = UM_MAX(most.packed, filter_floats(&v));
            most.group = UM_MAX(most.group, group_floats(&v));
            most.own = UM_MAX(most.own, thread_floats(&v));
        }
    return most;
}

void TIER(direct_dx_bf16)(const um_conv2d_shape *s, const float *dy, const float *w, float *dx,
                          bool add, float *scratch)
{
    const sizes size = dx_sizes(s);
    float *turned = scratch, *images = turned + size.turned + size.packed;
    float *all = images + size.group;
    pair *packed = (pair *)(turned + size.turned);
#pragma omp parallel if (worth_sharing(conv2d_multiply_adds(s)))
    for (int i = 0; i < s->stride * s->stride; i++) {
        const view v = class_view(s, i / s->stride, i % s->stride);
        turn_class(s, i / s->stride, i % s->stride, w, turned);
        pack(&v, turned, packed);
        convolve(&v, dy, packed, NULL, dx, add, (bf16 *)images,
                 all + omp_get_thread_num() * size.own);
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
    return UM_MIN(UM_MAX(CHUNK_MIN, CHUNK_FLOATS / patch_row(v) / KSTEP * KSTEP), CHUNK_MAX);
}

void TIER(direct_dw_bf16)(const um_conv2d_shape *s, const float *x, const float *dy, float *dw,
                          bool add, float *scratch)
{
    const view v = forward_view(s);
    const int size = depth_of(&v), row = patch_row(&v), chunk = chunk_pixels(&v);
    const int count = results_of(&v), panels = ceil_div(s->co, NR);
    const int each = panels_each(ceil_div(size, ROWS), panels, omp_get_max_threads());
    float *patches = scratch, *packed = patches + (size_t)chunk * row;
    float *all = packed + (size_t)pairs_of(chunk) * panels * NR;
#pragma omp parallel if (worth_sharing(conv2d_multiply_adds(s)))
    for (int t = 0; t < count; t += chunk) {
        const int m = UM_MIN(chunk, count - t), depth = pairs_of(m);
        pair *own = (pair *)(all + (size_t)omp_get_thread_num() * ROWS * pairs_of(chunk));
#pragma omp for nowait
        for (int i = 0; i < m; i++)
            gather(&v, sizeof(float), x, t + i, 0, v.tall, patches + (size_t)i * row);
#pragma omp for
        for (int c = 0; c < s->co; c += NR)
            bf16_panel_rows(m, UM_MIN(NR, s->co - c), dy + (size_t)t * s->co + c, s->co,
                            (pair *)packed + (size_t)c * depth);
#pragma omp for collapse(2)
        for (int r = 0; r < size; r += ROWS)
            for (int p = 0; p < panels; p += each) {
                const int rows = UM_MIN(ROWS, size - r);
                bf16_cols(rows, m, patches + r, row, own);
                bf16_panels(rows, s->co, depth, own, (pair *)packed, p, UM_MIN(p + each, panels),
                            NULL, dw + (size_t)r * s->co, s->co, add || t > 0);
            }
    }
}

size_t TIER(direct_scratch_bf16)(const um_conv2d_shape *s, int threads)
{
    const view v = forward_view(s);
    const sizes size = dx_sizes(s);
    const size_t y = filter_floats(&v) + group_floats(&v) + threads * thread_floats(&v);
    const size_t dx = size.turned + size.packed + size.group + threads * size.own;
    const size_t chunk = chunk_pixels(&v);
    const size_t dw = chunk * patch_row(&v) +
                      (size_t)pairs_of((int)chunk) * (round_up(s->co, NR) + threads * ROWS);
    return UM_MAX(y, UM_MAX(dx, dw));
}
