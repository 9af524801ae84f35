/* SPDX-License-Identifier: MIT
 * activate.c - an elementwise non-linearity. */
#include "autograd/ops/common.h"

static void forward(um_tape *t, const um_node *node)
{
    const um_activation *kind = node->saved;
    const size_t count = um_shape_count(um_shape_of(t, node->out));
    um_kernels_of(t)->activate(*kind, count, um_data(t, node->in[0]), um_data(t, node->out));
}

static void vjp(um_tape *t, const um_node *node)
{
    const um_activation *kind = node->saved;
    const size_t count = um_shape_count(um_shape_of(t, node->out));
    const um_into dx = um_grad_into(t, node->in[0]);
    if (dx.at)
        um_kernels_of(t)->activate_vjp(*kind, count, um_grad(t, node->out), um_data(t, node->in[0]),
                                       dx.at, dx.add);
}

static const um_op op = { "activate", 1, 1 << 0, forward, vjp };

um_var um_activate(um_tape *t, um_var x, um_activation kind)
{
    return um_tape_push(t, &op, &x, um_shape_of(t, x), &kind, sizeof kind);
}
