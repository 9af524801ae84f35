/* SPDX-License-Identifier: MIT
 * multiply.c - the elementwise product. */
#include "autograd/ops/common.h"

static void forward(um_tape *t, const um_node *node)
{
    um_kernels_of(t)->multiply(um_shape_count(um_shape_of(t, node->out)), um_data(t, node->in[0]),
                               um_data(t, node->in[1]), um_data(t, node->out), false);
}

static void vjp(um_tape *t, const um_node *node)
{
    const size_t count = um_shape_count(um_shape_of(t, node->out));
    for (int i = 0; i < 2; i++) {
        const um_into into = um_grad_into(t, node->in[i]);
        const um_real *other = um_data(t, node->in[1 - i]);
        if (into.at)
            um_kernels_of(t)->multiply(count, um_grad(t, node->out), other, into.at, into.add);
    }
}

static const um_op op = { "multiply", 2, 1 << 0 | 1 << 1, forward, vjp };

um_var um_multiply(um_tape *t, um_var a, um_var b)
{
    const um_shape p = um_shape_of(t, a), q = um_shape_of(t, b);
    if (!um_shape_same(p, q))
        return um_tape_fail(t, UM_BAD_SHAPE, "multiply: [%d, %d, %d, %d] and [%d, %d, %d, %d]", p.n,
                            p.h, p.w, p.c, q.n, q.h, q.w, q.c);
    return um_tape_push(t, &op, (um_var[]){ a, b }, p, NULL, 0);
}
