/* SPDX-License-Identifier: MIT
 * loss.c - the mean distance of each image from its target. A distance is even in the difference,
 * so the gradient of the target is that of the prediction with the two exchanged. */
#include "autograd/ops/common.h"

typedef struct saved {
    um_loss_kind kind;
    double delta;
    int n;
    size_t per;
} saved;

static void forward(um_tape *t, const um_node *node)
{
    const saved *s = node->saved;
    um_kernels_of(t)->loss(s->kind, s->delta, s->n, s->per, um_data(t, node->in[0]),
                           um_data(t, node->in[1]), um_data(t, node->out));
}

static void vjp(um_tape *t, const um_node *node)
{
    const saved *s = node->saved;
    for (int i = 0; i < 2; i++) {
        const um_into into = um_grad_into(t, node->in[i]);
        if (into.at)
            um_kernels_of(t)->loss_vjp(s->kind, s->delta, s->n, s->per, um_grad(t, node->out),
                                       um_data(t, node->in[i]), um_data(t, node->in[1 - i]),
                                       into.at, into.add);
    }
}

static const um_op op = { "loss", 2, 1 << 0 | 1 << 1, forward, vjp };

um_var um_loss(um_tape *t, um_loss_kind kind, double delta, um_var prediction, um_var target)
{
    const um_shape p = um_shape_of(t, prediction), q = um_shape_of(t, target);
    if (!um_shape_same(p, q))
        return um_tape_fail(t, UM_BAD_SHAPE, "loss: [%d, %d, %d, %d] and target [%d, %d, %d, %d]",
                            p.n, p.h, p.w, p.c, q.n, q.h, q.w, q.c);
    const saved s = { kind, delta, p.n, (size_t)p.h * p.w * p.c };
    return um_tape_push(t, &op, (um_var[]){ prediction, target }, (um_shape){ p.n, 1, 1, 1 }, &s,
                        sizeof s);
}
