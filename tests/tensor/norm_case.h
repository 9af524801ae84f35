/* SPDX-License-Identifier: MIT
 * norm_case.h - shapes for GroupNorm, and one call of each of its kernels with all that it takes
 * and gives. */
#ifndef UM_NORM_CASE_H
#define UM_NORM_CASE_H

#include "tensor/kernel_case.h"

typedef struct norm_shape {
    int n, hw, c, groups;
    const char *why;
} norm_shape;

static const norm_shape norm_shapes[] = {
    { 1, 1, 1, 1, "the smallest" },
    { 1, 1, 8, 8, "one number in a group: no variance" },
    { 2, 1, 37, 37, "the same of several images" },
    { 2, 1, 72, 6, "one pixel" },
    { 2, 15, 6, 3, "narrower than a vector" },
    { 2, 33, 12, 12, "a group for each channel" },
    { 3, 9, 40, 1, "all channels in one group" },
    { 1, 40, 17, 17, "a channel more than a vector" },
    { 2, 100, 128, 32, "as in a U-Net" },
    { 1, 5, 320, 32, "more channels than a tile" },
    { 2, 7, 600, 2, "a group wider than a tile" },
    { 1, 1024, 64, 8, "one image among threads" },
    { 5, 64, 24, 4, "images among threads" },
    { 3, 70, 99, 9, "odd everywhere" },
};

/* (n, hw, c), (n, c), (c) and (n, groups) numbers, as the contract has them */
typedef struct norm {
    um_group_norm_shape s;
    size_t count, sums, channels, groups;
    um_real *x, *offset, *gamma, *beta, *dy;
    um_real *y, *mean, *rstd, *dx, *doffset, *dgamma, *dbeta;
} norm;

/* with an offset; a test that wants none sets it to NULL */
static inline norm norm_make(kernel_case *c, const norm_shape *p, bool silu, placement at)
{
    norm g = { .s = { p->n, p->hw, p->c, p->groups, 1e-5, silu } };
    g.count = (size_t)p->n * p->hw * p->c;
    g.sums = (size_t)p->n * p->c;
    g.channels = (size_t)p->c;
    g.groups = (size_t)p->n * p->groups;
    g.x = case_random(c, g.count, at);
    g.dy = case_random(c, g.count, at);
    g.gamma = case_random(c, g.channels, at);
    g.beta = case_random(c, g.channels, at);
    g.offset = case_random(c, g.sums, at);
    return g;
}

static inline void norm_forward(kernel_case *c, const um_kernels *k, norm *g, placement at)
{
    g->y = case_empty(c, g->count, at);
    g->mean = case_empty(c, g->groups, at);
    g->rstd = case_empty(c, g->groups, at);
    k->group_norm(&g->s, g->x, g->offset, g->gamma, g->beta, g->y, g->mean, g->rstd);
}

/* who asks for what, and whether it is added to what is there */
enum {
    DX = 1, DOFFSET = 2, DGAMMA = 4, DBETA = 8, ALL = 15,
    ADD_DX = 16, ADD_DOFFSET = 32, ADD_DGAMMA = 64, ADD_DBETA = 128, ADD_ALL = 240,
};

/* The gradients begin as dy, x, gamma and beta, so as to be the same for all tiers. */
static inline void norm_backward(kernel_case *c, const um_kernels *k, norm *g, int ask,
                                 placement at)
{
    g->dx = ask & DX ? case_copy(c, g->count, g->dy, at) : NULL;
    g->doffset = ask & DOFFSET ? case_copy(c, g->sums, g->x, at) : NULL;
    g->dgamma = ask & DGAMMA ? case_copy(c, g->channels, g->gamma, at) : NULL;
    g->dbeta = ask & DBETA ? case_copy(c, g->channels, g->beta, at) : NULL;
    const um_group_norm_grads out = {
        g->dx,        g->doffset,        g->dgamma,        g->dbeta,
        ask & ADD_DX, ask & ADD_DOFFSET, ask & ADD_DGAMMA, ask & ADD_DBETA,
    };
    const size_t scratch = k->group_norm_scratch(&g->s, omp_get_max_threads());
    k->group_norm_vjp(&g->s, &out, g->dy, g->x, g->offset, g->gamma, g->beta, g->mean, g->rstd,
                      case_empty(c, scratch, UNALIGNED));
}

/* What makes the last image of a batch a batch of its own: its inputs. */
static inline norm norm_last_alone(const norm *g)
{
    norm one = { .s = g->s };
    const size_t before = (size_t)g->s.n - 1;
    one.s.n = 1;
    one.count = g->count / g->s.n;
    one.sums = one.channels = g->channels;
    one.groups = g->groups / g->s.n;
    one.x = g->x + before * one.count;
    one.dy = g->dy + before * one.count;
    one.offset = g->offset + before * one.sums;
    one.gamma = g->gamma;
    one.beta = g->beta;
    return one;
}

/* the results of both that a has: the same bits */
static inline void norm_same_bits(const char *why, const norm *a, const norm *b)
{
    const struct {
        size_t count;
        const um_real *a, *b;
    } results[] = {
        { a->count, a->y, b->y },
        { a->groups, a->mean, b->mean },
        { a->groups, a->rstd, b->rstd },
        { a->count, a->dx, b->dx },
        { a->sums, a->doffset, b->doffset },
        { a->channels, a->dgamma, b->dgamma },
        { a->channels, a->dbeta, b->dbeta },
    };
    for (size_t i = 0; i < UM_COUNT(results); i++)
        if (results[i].a) case_same_bits(why, results[i].count, results[i].a, results[i].b);
}

/* Every shape on 1, 2 and 3 threads, forward and what is asked of backward. */
static inline void norm_on_threads(const um_kernels *k, int ask)
{
    for (size_t i = 0; i < UM_COUNT(norm_shapes); i++) {
        kernel_case c = { 0 };
        norm a = norm_make(&c, &norm_shapes[i], true, UNALIGNED), b = a;
        FOR_THREADS(threads, {
            norm_forward(&c, k, &b, UNALIGNED);
            if (ask) norm_backward(&c, k, &b, ask, UNALIGNED);
            if (threads == 1) a = b;
            norm_same_bits(norm_shapes[i].why, &a, &b);
        });
        case_end(&c);
    }
}

enum { NORM_PIXELS = 50, NORM_CHANNELS = 72, NORM_GROUP = 12 };

/* Three images, the first group of the first with a NaN, and the last of them alone, forward and
 * what is asked of backward: the last has the same bits in both. *all: the results of the three. */
static inline void norm_beside_nan(kernel_case *c, const um_kernels *k, int ask, norm *all)
{
    const norm_shape three = { 3, NORM_PIXELS, NORM_CHANNELS, NORM_CHANNELS / NORM_GROUP,
                               "three images" };
    norm a = norm_make(c, &three, true, UNALIGNED), b = norm_last_alone(&a);
    a.x[5] = (um_real)NAN;
    norm_forward(c, k, &a, UNALIGNED);
    norm_forward(c, k, &b, UNALIGNED);
    if (ask) norm_backward(c, k, &a, ask, UNALIGNED);
    if (ask) norm_backward(c, k, &b, ask, UNALIGNED);
    norm last = b;
    last.y = a.y + 2 * b.count;
    last.mean = a.mean + 2 * b.groups;
    last.rstd = a.rstd + 2 * b.groups;
    if (b.dx) last.dx = a.dx + 2 * b.count;
    if (b.doffset) last.doffset = a.doffset + 2 * b.sums;
    norm_same_bits(three.why, &last, &b);
    *all = a;
}

#endif
