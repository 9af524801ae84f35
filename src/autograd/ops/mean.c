/* SPDX-License-Identifier: MIT
 * mean.c - the mean of all elements. */
#include "autograd/ops/common.h"

static void forward(um_tape *t, const um_node *node)
{
    const size_t count = um_shape_count(um_shape_of(t, node->in[0]));
    um_real *y = um_data(t, node->out);
    um_kernels_of(t)->sum_pixels(1, count, 1, um_data(t, node->in[0]), y, false);
    *y /= (um_real)count;
}

static void vjp(um_tape *t, const um_node *node)
{
    const size_t count = um_shape_count(um_shape_of(t, node->in[0]));
    const um_real share = *um_grad(t, node->out) / (um_real)count;
    const um_into dx = um_grad_into(t, node->in[0]);
    for (size_t i = 0; dx.at && i < count; i++) dx.at[i] = dx.add ? dx.at[i] + share : share;
}

static const um_op op = { "mean", 1, 0, forward, vjp };

um_var um_mean(um_tape *t, um_var x)
{
    return um_tape_push(t, &op, &x, (um_shape){ 1, 1, 1, 1 }, NULL, 0);
}
