/* SPDX-License-Identifier: MIT
 * slice.c - some of the channels; the gradient of the others is zero. */
#include "autograd/ops/common.h"

#include <string.h>

static void forward(um_tape *t, const um_node *node)
{
    const int *from = node->saved;
    const um_shape s = um_shape_of(t, node->out);
    um_kernels_of(t)->copy_columns(um_rows(s), s.c, um_data(t, node->in[0]),
                                   um_shape_of(t, node->in[0]).c, *from, um_data(t, node->out), s.c,
                                   0, false);
}

static void vjp(um_tape *t, const um_node *node)
{
    const int *from = node->saved;
    const um_shape s = um_shape_of(t, node->out), whole = um_shape_of(t, node->in[0]);
    const um_into dx = um_grad_into(t, node->in[0]);
    if (!dx.at) return;
    if (!dx.add) memset(dx.at, 0, um_shape_count(whole) * sizeof *dx.at);
    um_kernels_of(t)->copy_columns(um_rows(s), s.c, um_grad(t, node->out), s.c, 0, dx.at, whole.c,
                                   *from, true);
}

static const um_op op = { "slice", 1, 0, forward, vjp };

um_var um_slice(um_tape *t, um_var x, int from, int count)
{
    const um_shape s = um_shape_of(t, x);
    if (from < 0 || count < 1 || count > s.c - from)
        return um_tape_fail(t, UM_BAD_SHAPE, "slice: %d channels from %d on, of %d", count, from,
                            s.c);
    return um_tape_push(t, &op, &x, (um_shape){ s.n, s.h, s.w, count }, &from, sizeof from);
}
