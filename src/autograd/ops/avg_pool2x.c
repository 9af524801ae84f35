/* SPDX-License-Identifier: MIT
 * avg_pool2x.c - the mean of four pixels; its adjoint gives each a quarter. */
#include "autograd/ops/common.h"

static void forward(um_tape *t, const um_node *node)
{
    const um_shape s = um_shape_of(t, node->out);
    um_kernels_of(t)->gather2x(s.n, s.h, s.w, s.c, (um_real)0.25, um_data(t, node->in[0]),
                               um_data(t, node->out), false);
}

static void vjp(um_tape *t, const um_node *node)
{
    const um_shape s = um_shape_of(t, node->out);
    const um_into dx = um_grad_into(t, node->in[0]);
    if (dx.at)
        um_kernels_of(t)->spread2x(s.n, s.h, s.w, s.c, (um_real)0.25, um_grad(t, node->out), dx.at,
                                   dx.add);
}

static const um_op op = { "avg_pool2x", 1, 0, forward, vjp };

um_var um_avg_pool2x(um_tape *t, um_var x)
{
    const um_shape s = um_shape_of(t, x);
    if (s.h % 2 != 0 || s.w % 2 != 0)
        return um_tape_fail(t, UM_BAD_SHAPE, "avg_pool2x: an image of %d x %d (even sizes)", s.h,
                            s.w);
    return um_tape_push(t, &op, &x, (um_shape){ s.n, s.h / 2, s.w / 2, s.c }, NULL, 0);
}
