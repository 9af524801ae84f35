/* SPDX-License-Identifier: MIT
 * dot.c - the sum of the products of elements. */
#include "autograd/ops/common.h"

static void forward(um_tape *t, const um_node *node)
{
    const um_kernels *k = um_kernels_of(t);
    const size_t count = um_shape_count(um_shape_of(t, node->in[0]));
    k->multiply(count, um_data(t, node->in[0]), um_data(t, node->in[1]), um_scratch(t), false);
    k->sum_pixels(1, count, 1, um_scratch(t), um_data(t, node->out), false);
}

static void vjp(um_tape *t, const um_node *node)
{
    const size_t count = um_shape_count(um_shape_of(t, node->in[0]));
    for (int i = 0; i < 2; i++)
        um_put_scaled(t, um_grad_into(t, node->in[i]), count, *um_grad(t, node->out),
                      um_data(t, node->in[1 - i]));
}

static const um_op op = { "dot", 2, 1 << 0 | 1 << 1, forward, vjp };

um_var um_dot(um_tape *t, um_var x, um_var w)
{
    const um_shape p = um_shape_of(t, x), q = um_shape_of(t, w);
    if (!um_shape_same(p, q))
        return um_tape_fail(t, UM_BAD_SHAPE, "dot: [%d, %d, %d, %d] and [%d, %d, %d, %d]", p.n, p.h,
                            p.w, p.c, q.n, q.h, q.w, q.c);
    um_tape_scratch(t, um_shape_count(p));
    return um_tape_push(t, &op, (um_var[]){ x, w }, (um_shape){ 1, 1, 1, 1 }, NULL, 0);
}
