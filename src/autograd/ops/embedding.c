/* SPDX-License-Identifier: MIT
 * embedding.c - rows of a table by number. */
#include "autograd/ops/common.h"

#include <math.h>

/* The numbers of the rows, those outside the table at its nearest end (NaN: row 0). */
static const um_real *clamped(um_tape *t, const um_node *node)
{
    const double last = um_shape_of(t, node->in[0]).w - 1;
    const um_real *ids = um_data(t, node->in[1]);
    um_real *rows = um_scratch(t);
    for (int i = 0; i < um_shape_of(t, node->out).n; i++)
        rows[i] = (um_real)floor(fmin(fmax(ids[i], 0), last));
    return rows;
}

static void forward(um_tape *t, const um_node *node)
{
    const um_shape s = um_shape_of(t, node->out);
    um_kernels_of(t)->embedding(s.n, s.c, um_data(t, node->in[0]), clamped(t, node),
                                um_data(t, node->out));
}

static void vjp(um_tape *t, const um_node *node)
{
    const um_shape s = um_shape_of(t, node->out);
    const um_into dtable = um_grad_into(t, node->in[0]);
    if (dtable.at)
        um_kernels_of(t)->embedding_vjp(s.n, um_shape_of(t, node->in[0]).w, s.c,
                                        um_grad(t, node->out), clamped(t, node), dtable.at,
                                        dtable.add);
}

static const um_op op = { "embedding", 2, 1 << 1, forward, vjp };

um_var um_embedding(um_tape *t, um_var table, um_var ids)
{
    const um_shape d = um_shape_of(t, table), q = um_shape_of(t, ids);
    /* a real holds whole numbers exactly up to 2^24 */
    if (d.n != 1 || d.h != 1 || d.w > 1 << 24 || !um_shape_same(q, (um_shape){ q.n, 1, 1, 1 }))
        return um_tape_fail(t, UM_BAD_SHAPE,
                            "embedding: table [%d, %d, %d, %d], numbers [%d, %d, %d, %d] "
                            "([1, 1, rows, c] of at most 2^24 rows, and [n, 1, 1, 1])",
                            d.n, d.h, d.w, d.c, q.n, q.h, q.w, q.c);
    um_tape_scratch(t, (size_t)q.n);
    return um_tape_push(t, &op, (um_var[]){ table, ids }, (um_shape){ q.n, 1, 1, d.c }, NULL, 0);
}
