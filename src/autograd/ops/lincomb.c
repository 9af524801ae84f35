/* SPDX-License-Identifier: MIT
 * lincomb.c - alpha * a + beta * b, and what it is most often: a sum, a multiple. */
#include "autograd/ops/common.h"

typedef struct saved {
    double factor[2];
} saved;

static void forward(um_tape *t, const um_node *node)
{
    const saved *s = node->saved;
    um_kernels_of(t)->lincomb(um_shape_count(um_shape_of(t, node->out)), (um_real)s->factor[0],
                              um_data(t, node->in[0]), (um_real)s->factor[1],
                              um_data(t, node->in[1]), um_data(t, node->out));
}

static void vjp(um_tape *t, const um_node *node)
{
    const saved *s = node->saved;
    const size_t count = um_shape_count(um_shape_of(t, node->out));
    for (int i = 0; i < 2; i++)
        um_put_scaled(t, um_grad_into(t, node->in[i]), count, s->factor[i], um_grad(t, node->out));
}

static const um_op op_lincomb = { "lincomb", 2, 0, forward, vjp };
static const um_op op_add = { "add", 2, 0, forward, vjp };
static const um_op op_scale = { "scale", 2, 0, forward, vjp };

static um_var combine(um_tape *t, const um_op *op, double alpha, um_var a, double beta, um_var b)
{
    const um_shape p = um_shape_of(t, a), q = um_shape_of(t, b);
    if (op != &op_scale && !um_shape_same(p, q))
        return um_tape_fail(t, UM_BAD_SHAPE, "%s: [%d, %d, %d, %d] and [%d, %d, %d, %d]", op->name,
                            p.n, p.h, p.w, p.c, q.n, q.h, q.w, q.c);
    const saved s = { { alpha, beta } };
    return um_tape_push(t, op, (um_var[]){ a, b }, p, &s, sizeof s);
}

um_var um_lincomb(um_tape *t, double alpha, um_var a, double beta, um_var b)
{
    return combine(t, &op_lincomb, alpha, a, beta, b);
}

um_var um_add(um_tape *t, um_var a, um_var b) { return combine(t, &op_add, 1, a, 1, b); }

um_var um_scale(um_tape *t, double alpha, um_var a)
{
    return combine(t, &op_scale, alpha, a, 0, (um_var){ 0 });
}
