/* SPDX-License-Identifier: MIT
 * divide.c - each image by a number of its own, which has no gradient: score SDE's networks end in
 * a division by the noise level. */
#include "autograd/ops/common.h"

static void forward(um_tape *t, const um_node *node)
{
    const um_shape s = um_shape_of(t, node->out);
    const size_t image = um_shape_count(s) / (size_t)s.n;
    const um_real *x = um_data(t, node->in[0]), *v = um_data(t, node->in[1]);
    um_real *y = um_data(t, node->out);
    for (int n = 0; n < s.n; n++)
        for (size_t i = n * image; i < (n + 1) * image; i++) y[i] = x[i] / v[n];
}

static void vjp(um_tape *t, const um_node *node)
{
    const um_shape s = um_shape_of(t, node->out);
    const size_t image = um_shape_count(s) / (size_t)s.n;
    const um_real *dy = um_grad(t, node->out), *v = um_data(t, node->in[1]);
    const um_into dx = um_grad_into(t, node->in[0]);
    if (!dx.at) return;
    for (int n = 0; n < s.n; n++)
        for (size_t i = n * image; i < (n + 1) * image; i++)
            dx.at[i] = (dx.add ? dx.at[i] : 0) + dy[i] / v[n];
}

static const um_op op = { "divide", 2, 1 << 1, forward, vjp };

um_var um_divide(um_tape *t, um_var x, um_var v)
{
    const um_shape s = um_shape_of(t, x), q = um_shape_of(t, v);
    if (!um_shape_same(q, (um_shape){ s.n, 1, 1, 1 }))
        return um_tape_fail(t, UM_BAD_SHAPE,
                            "divide: [%d, %d, %d, %d] by [%d, %d, %d, %d] (one number for "
                            "each image)",
                            s.n, s.h, s.w, s.c, q.n, q.h, q.w, q.c);
    return um_tape_push(t, &op, (um_var[]){ x, v }, s, NULL, 0);
}
