/* SPDX-License-Identifier: MIT
 * attention.c - scaled dot-product attention; keeps log sum exp of each row of scores. */
#include "autograd/ops/common.h"

#include <math.h>

static void forward(um_tape *t, const um_node *node)
{
    um_kernels_of(t)->attention(node->saved, um_data(t, node->in[0]), um_data(t, node->in[1]),
                                um_data(t, node->in[2]), um_data(t, node->out), um_kept(t, node, 0),
                                um_scratch(t));
}

static void vjp(um_tape *t, const um_node *node)
{
    const um_into dq = um_grad_into(t, node->in[0]), dk = um_grad_into(t, node->in[1]),
                  dv = um_grad_into(t, node->in[2]);
    const um_attention_grads grads = { dq.at, dk.at, dv.at, dq.add, dk.add, dv.add };
    um_kernels_of(t)->attention_vjp(node->saved, &grads, um_grad(t, node->out),
                                    um_data(t, node->in[0]), um_data(t, node->in[1]),
                                    um_data(t, node->in[2]), um_data(t, node->out),
                                    um_kept(t, node, 0), um_scratch(t));
}

static double cost(const um_node *node)
{
    const um_attention_shape *s = node->saved;
    return 2.0 * s->n * s->heads * s->tokens * s->tokens * s->dim;
}

static const um_op op = { "attention", 3, 1 << 0 | 1 << 1 | 1 << 2 | UM_READS_OUT, forward, vjp,
                          cost };

um_var um_attention(um_tape *t, um_var q, um_var k, um_var v, int heads)
{
    const um_shape d = um_shape_of(t, q);
    if (heads < 1 || d.c % heads != 0 || !um_shape_same(d, um_shape_of(t, k)) ||
        !um_shape_same(d, um_shape_of(t, v)))
        return um_tape_fail(t, UM_BAD_SHAPE,
                            "attention: %d channels in %d heads "
                            "(heads of one size; query, key and value of the same shape)",
                            d.c, heads);
    k = um_other_than(t, k, q);
    v = um_other_than(t, v, q);
    v = um_other_than(t, v, k);
    const int dim = d.c / heads;
    const um_attention_shape s = { d.n, d.h * d.w, heads, dim, 1 / sqrt(dim) };
    um_tape_keep(t, (size_t)d.n * heads * s.tokens);
    um_tape_scratch(t, um_kernels_of(t)->attention_scratch(&s, um_threads_of(t)));
    return um_tape_push(t, &op, (um_var[]){ q, k, v }, d, &s, sizeof s);
}
