/* SPDX-License-Identifier: MIT
 * add_channels.c - a number for each image and channel, added to all pixels. */
#include "autograd/ops/common.h"

static void forward(um_tape *t, const um_node *node)
{
    const um_shape s = um_shape_of(t, node->out);
    um_kernels_of(t)->add_channels(s.n, s.h * s.w, s.c, um_data(t, node->in[0]),
                                   um_data(t, node->in[1]), um_data(t, node->out));
}

static void vjp(um_tape *t, const um_node *node)
{
    const um_shape s = um_shape_of(t, node->out);
    const um_real *dy = um_grad(t, node->out);
    um_put_scaled(t, um_grad_into(t, node->in[0]), um_shape_count(s), 1, dy);
    const um_into dv = um_grad_into(t, node->in[1]);
    if (dv.at) um_kernels_of(t)->sum_pixels(s.n, (size_t)s.h * s.w, s.c, dy, dv.at, dv.add);
}

static const um_op op = { "add_channels", 2, 0, forward, vjp };

um_var um_add_channels(um_tape *t, um_var x, um_var v)
{
    const um_shape s = um_shape_of(t, x), q = um_shape_of(t, v);
    if (!um_shape_same(q, (um_shape){ s.n, 1, 1, s.c }))
        return um_tape_fail(t, UM_BAD_SHAPE, "add_channels: [%d, %d, %d, %d] to [%d, %d, %d, %d] "
                            "(one number for each image and channel)",
                            q.n, q.h, q.w, q.c, s.n, s.h, s.w, s.c);
    return um_tape_push(t, &op, (um_var[]){ x, v }, s, NULL, 0);
}
