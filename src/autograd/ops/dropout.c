/* SPDX-License-Identifier: MIT
 * dropout.c - a random mask; the vjp draws the same one again, so it is never kept. */
#include "autograd/ops/common.h"

/* y (+)= the mask applied to x, or x itself where nothing is dropped */
static void apply(um_tape *t, const um_node *node, const um_real *x, um_into y)
{
    const double *rate = node->saved;
    const size_t count = um_shape_count(um_shape_of(t, node->out));
    um_random source;
    if (!y.at) return;
    if (um_tape_random(t, node, &source))
        um_kernels_of(t)->dropout(count, (um_real)*rate, &source, x, y.at, y.add);
    else
        um_put_scaled(t, y, count, 1, x);
}

static void forward(um_tape *t, const um_node *node)
{
    apply(t, node, um_data(t, node->in[0]), (um_into){ um_data(t, node->out), false });
}

static void vjp(um_tape *t, const um_node *node)
{
    apply(t, node, um_grad(t, node->out), um_grad_into(t, node->in[0]));
}

static const um_op op = { "dropout", 1, 0, forward, vjp };

um_var um_dropout(um_tape *t, um_var x, double rate)
{
    if (!(rate >= 0 && rate < 1))
        return um_tape_fail(t, UM_BAD_ARG, "dropout: a rate of %g (0 <= rate < 1)", rate);
    if (rate == 0) return x;
    return um_tape_push(t, &op, &x, um_shape_of(t, x), &rate, sizeof rate);
}
