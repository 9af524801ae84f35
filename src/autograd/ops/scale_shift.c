/* SPDX-License-Identifier: MIT
 * scale_shift.c - x * (1 + scale) + shift, both for each image and channel. */
#include "autograd/ops/common.h"

static void forward(um_tape *t, const um_node *node)
{
    const um_shape s = um_shape_of(t, node->out);
    um_kernels_of(t)->scale_shift(s.n, s.h * s.w, s.c, um_data(t, node->in[0]),
                                  um_data(t, node->in[1]), um_data(t, node->out));
}

static void vjp(um_tape *t, const um_node *node)
{
    const um_shape s = um_shape_of(t, node->out);
    const um_into dx = um_grad_into(t, node->in[0]), ds = um_grad_into(t, node->in[1]);
    um_kernels_of(t)->scale_shift_vjp(s.n, s.h * s.w, s.c, um_grad(t, node->out),
                                      um_data(t, node->in[0]), um_data(t, node->in[1]), dx.at,
                                      dx.add, ds.at, ds.add);
}

static const um_op op = { "scale_shift", 2, 1 << 0 | 1 << 1, forward, vjp };

um_var um_scale_shift(um_tape *t, um_var x, um_var s)
{
    const um_shape d = um_shape_of(t, x), q = um_shape_of(t, s);
    if (q.n != d.n || q.h != 1 || q.w != 1 || q.c % 2 != 0 || q.c / 2 != d.c)
        return um_tape_fail(t, UM_BAD_SHAPE, "scale_shift: [%d, %d, %d, %d] for [%d, %d, %d, %d] "
                            "(a scale and a shift for each image and channel)",
                            q.n, q.h, q.w, q.c, d.n, d.h, d.w, d.c);
    return um_tape_push(t, &op, (um_var[]){ x, s }, d, NULL, 0);
}
