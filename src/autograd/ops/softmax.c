/* SPDX-License-Identifier: MIT
 * softmax.c - softmax over c; its vjp needs the result alone. */
#include "autograd/ops/common.h"

static void forward(um_tape *t, const um_node *node)
{
    const um_shape s = um_shape_of(t, node->out);
    um_kernels_of(t)->softmax(um_rows(s), s.c, um_data(t, node->in[0]), um_data(t, node->out));
}

static void vjp(um_tape *t, const um_node *node)
{
    const um_shape s = um_shape_of(t, node->out);
    const um_into dx = um_grad_into(t, node->in[0]);
    if (dx.at)
        um_kernels_of(t)->softmax_vjp(um_rows(s), s.c, um_grad(t, node->out), um_data(t, node->out),
                                      dx.at, dx.add);
}

static const um_op op = { "softmax", 1, UM_READS_OUT, forward, vjp };

um_var um_softmax(um_tape *t, um_var x)
{
    return um_tape_push(t, &op, &x, um_shape_of(t, x), NULL, 0);
}
