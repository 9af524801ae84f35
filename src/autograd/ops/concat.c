/* SPDX-License-Identifier: MIT
 * concat.c - the channels of b behind those of a. */
#include "autograd/ops/common.h"

static void forward(um_tape *t, const um_node *node)
{
    const um_shape a = um_shape_of(t, node->in[0]), b = um_shape_of(t, node->in[1]);
    const int c = a.c + b.c;
    um_real *y = um_data(t, node->out);
    um_kernels_of(t)->copy_columns(um_rows(a), a.c, um_data(t, node->in[0]), a.c, 0, y, c, 0,
                                   false);
    um_kernels_of(t)->copy_columns(um_rows(b), b.c, um_data(t, node->in[1]), b.c, 0, y, c, a.c,
                                   false);
}

static void vjp(um_tape *t, const um_node *node)
{
    const int c = um_shape_of(t, node->out).c;
    const um_real *dy = um_grad(t, node->out);
    for (int i = 0, at = 0; i < 2; i++) {
        const um_shape s = um_shape_of(t, node->in[i]);
        const um_into dx = um_grad_into(t, node->in[i]);
        if (dx.at)
            um_kernels_of(t)->copy_columns(um_rows(s), s.c, dy, c, at, dx.at, s.c, 0, dx.add);
        at += s.c;
    }
}

static const um_op op = { "concat", 2, 0, forward, vjp };

um_var um_concat(um_tape *t, um_var a, um_var b)
{
    const um_shape p = um_shape_of(t, a), q = um_shape_of(t, b);
    if (p.n != q.n || p.h != q.h || p.w != q.w || p.c > INT32_MAX - q.c)
        return um_tape_fail(t, UM_BAD_SHAPE, "concat: [%d, %d, %d, %d] and [%d, %d, %d, %d] "
                            "(the same but for the channels)",
                            p.n, p.h, p.w, p.c, q.n, q.h, q.w, q.c);
    return um_tape_push(t, &op, (um_var[]){ a, b }, (um_shape){ p.n, p.h, p.w, p.c + q.c }, NULL,
                        0);
}
