/* SPDX-License-Identifier: MIT
 * group_norm.c - GroupNorm of x, or of x with an offset for each image and channel, alone or
 * followed by SiLU; keeps mean and 1 / deviation. */
#include "autograd/ops/common.h"

static void forward(um_tape *t, const um_node *node)
{
    um_kernels_of(t)->group_norm(node->saved, um_data(t, node->in[0]), um_data(t, node->in[3]),
                                 um_data(t, node->in[1]), um_data(t, node->in[2]),
                                 um_data(t, node->out), um_kept(t, node, 0), um_kept(t, node, 1));
}

static void vjp(um_tape *t, const um_node *node)
{
    const um_into dx = um_grad_into(t, node->in[0]), dgamma = um_grad_into(t, node->in[1]),
                  dbeta = um_grad_into(t, node->in[2]), doffset = um_grad_into(t, node->in[3]);
    const um_group_norm_grads grads = {
        .dx = dx.at, .doffset = doffset.at, .dgamma = dgamma.at, .dbeta = dbeta.at,
        .add_dx = dx.add, .add_doffset = doffset.add, .add_dgamma = dgamma.add,
        .add_dbeta = dbeta.add,
    };
    um_kernels_of(t)->group_norm_vjp(node->saved, &grads, um_grad(t, node->out),
                                     um_data(t, node->in[0]), um_data(t, node->in[3]),
                                     um_data(t, node->in[1]), um_data(t, node->in[2]),
                                     um_kept(t, node, 0), um_kept(t, node, 1), um_scratch(t));
}

static const um_op op = { "group_norm", 4, 1 << 0 | 1 << 1 | 1 << 2 | 1 << 3, forward, vjp };

um_var um_group_norm(um_tape *t, um_var x, um_var gamma, um_var beta, um_var offset, int groups,
                     double eps, bool silu)
{
    const um_shape d = um_shape_of(t, x), q = um_shape_of(t, offset);
    if (groups < 1 || d.c % groups != 0 || !um_is_vector(um_shape_of(t, gamma), d.c) ||
        !um_is_vector(um_shape_of(t, beta), d.c))
        return um_tape_fail(t, UM_BAD_SHAPE,
                            "group_norm: %d channels in %d groups, %d scales, %d shifts "
                            "(groups of one size, and a scale and a shift for each channel)",
                            d.c, groups, um_shape_of(t, gamma).c, um_shape_of(t, beta).c);
    if (offset.id && !um_shape_same(q, (um_shape){ d.n, 1, 1, d.c }))
        return um_tape_fail(t, UM_BAD_SHAPE,
                            "group_norm: an offset [%d, %d, %d, %d] to [%d, %d, %d, %d] "
                            "(one number for each image and channel)",
                            q.n, q.h, q.w, q.c, d.n, d.h, d.w, d.c);
    gamma = um_other_than(t, gamma, x);
    beta = um_other_than(t, beta, x);
    beta = um_other_than(t, beta, gamma);
    offset = um_other_than(t, offset, x);
    offset = um_other_than(t, offset, gamma);
    offset = um_other_than(t, offset, beta);
    const um_group_norm_shape s = { d.n, d.h * d.w, d.c, groups, eps, silu };
    um_tape_keep(t, (size_t)d.n * groups);
    um_tape_keep(t, (size_t)d.n * groups);
    um_tape_scratch(t, um_kernels_of(t)->group_norm_scratch(&s, um_threads_of(t)));
    return um_tape_push(t, &op, (um_var[]){ x, gamma, beta, offset }, d, &s, sizeof s);
}
