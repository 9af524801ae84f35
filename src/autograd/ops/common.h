/* SPDX-License-Identifier: MIT
 * common.h - small change of the operations. */
#ifndef UM_OPS_COMMON_H
#define UM_OPS_COMMON_H

#include "autograd/op.h"

/* gradient (+)= alpha * x, where somebody asks for it */
static inline void um_put_scaled(const um_tape *t, um_into into, size_t count, double alpha,
                                 const um_real *x)
{
    if (!into.at) return;
    const um_real *before = into.add ? into.at : NULL;
    um_kernels_of(t)->lincomb(count, (um_real)alpha, x, 1, before, into.at);
}

/* gradient of a bias (+)= sum of the rows of dy, where somebody asks for it */
static inline void um_put_bias(const um_tape *t, um_into into, size_t rows, int c,
                               const um_real *dy)
{
    if (into.at) um_kernels_of(t)->sum_pixels(1, rows, c, dy, into.at, into.add);
}

/* b, or a copy of it where it is a: for operations whose vjp writes several gradients at a time,
 * which must then not be the same one. */
static inline um_var um_other_than(um_tape *t, um_var b, um_var a)
{
    return b.id == a.id ? um_reshape(t, b, um_shape_of(t, b)) : b;
}

static inline int um_threads_of(const um_tape *t) { return um_tape_ctx(t)->threads; }

static inline size_t um_rows(um_shape s) { return (size_t)s.n * (size_t)s.h * (size_t)s.w; }

static inline bool um_is_vector(um_shape s, int c)
{
    return s.n == 1 && s.h == 1 && s.w == 1 && s.c == c;
}

/* The node's i-th kept tensor. */
static inline um_real *um_kept(const um_tape *t, const um_node *node, int i)
{
    return um_data(t, (um_var){ node->first_kept.id + i });
}

#endif
