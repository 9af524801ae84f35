/* SPDX-License-Identifier: MIT
 * reshape.c - the same numbers in another shape. */
#include "autograd/ops/common.h"

#include <string.h>

static void forward(um_tape *t, const um_node *node)
{
    const size_t count = um_shape_count(um_shape_of(t, node->out));
    memcpy(um_data(t, node->out), um_data(t, node->in[0]), count * sizeof(um_real));
}

static void vjp(um_tape *t, const um_node *node)
{
    const size_t count = um_shape_count(um_shape_of(t, node->out));
    um_put_scaled(t, um_grad_into(t, node->in[0]), count, 1, um_grad(t, node->out));
}

static const um_op op = { "reshape", 1, 0, forward, vjp };

um_var um_reshape(um_tape *t, um_var x, um_shape shape)
{
    const um_shape s = um_shape_of(t, x);
    if (um_shape_count(s) != um_shape_count(shape))
        return um_tape_fail(t, UM_BAD_SHAPE, "reshape: [%d, %d, %d, %d] to [%d, %d, %d, %d]", s.n,
                            s.h, s.w, s.c, shape.n, shape.h, shape.w, shape.c);
    return um_tape_push(t, &op, &x, shape, NULL, 0);
}
