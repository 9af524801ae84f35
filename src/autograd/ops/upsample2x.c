/* SPDX-License-Identifier: MIT
 * upsample2x.c - each pixel becomes four; its adjoint sums the four. */
#include "autograd/ops/common.h"

static void forward(um_tape *t, const um_node *node)
{
    const um_shape s = um_shape_of(t, node->in[0]);
    um_kernels_of(t)->spread2x(s.n, s.h, s.w, s.c, 1, um_data(t, node->in[0]),
                               um_data(t, node->out), false);
}

static void vjp(um_tape *t, const um_node *node)
{
    const um_shape s = um_shape_of(t, node->in[0]);
    const um_into dx = um_grad_into(t, node->in[0]);
    if (dx.at)
        um_kernels_of(t)->gather2x(s.n, s.h, s.w, s.c, 1, um_grad(t, node->out), dx.at, dx.add);
}

static const um_op op = { "upsample2x", 1, 0, forward, vjp };

um_var um_upsample2x(um_tape *t, um_var x)
{
    const um_shape s = um_shape_of(t, x);
    if (s.h > INT32_MAX / 2 || s.w > INT32_MAX / 2)
        return um_tape_fail(t, UM_BAD_SHAPE, "upsample2x: an image of %d x %d", s.h, s.w);
    return um_tape_push(t, &op, &x, (um_shape){ s.n, 2 * s.h, 2 * s.w, s.c }, NULL, 0);
}
