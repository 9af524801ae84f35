/* SPDX-License-Identifier: MIT
 * matmul.c - a batch of products c = a b:  da = dc b^T,  db = a^T dc. */
#include "autograd/ops/common.h"

typedef struct saved {
    int batch, r, k, c;
    um_precision precision;
} saved;

/* The product of the i-th matrices; NULL where only the sizes count. */
static um_gemm product(const saved *s, const um_real *a, const um_real *b, um_real *c)
{
    return (um_gemm){ .m = s->r, .n = s->c, .k = s->k,
                      .a = a, .a_row = s->k, .a_col = 1,
                      .b = b, .b_row = s->c, .b_col = 1,
                      .c = c, .c_row = s->c, .precision = s->precision };
}

static um_gemm left_grad(const saved *s, const um_real *dc, const um_real *b, um_into da)
{
    return (um_gemm){ .m = s->r, .n = s->k, .k = s->c,
                      .a = dc, .a_row = s->c, .a_col = 1,
                      .b = b, .b_row = 1, .b_col = s->c,
                      .c = da.at, .c_row = s->k, .add = da.add, .precision = s->precision };
}

static um_gemm right_grad(const saved *s, const um_real *a, const um_real *dc, um_into db)
{
    return (um_gemm){ .m = s->k, .n = s->c, .k = s->r,
                      .a = a, .a_row = 1, .a_col = s->k,
                      .b = dc, .b_row = s->c, .b_col = 1,
                      .c = db.at, .c_row = s->c, .add = db.add, .precision = s->precision };
}

static void forward(um_tape *t, const um_node *node)
{
    const saved *s = node->saved;
    const size_t a_size = (size_t)s->r * s->k, b_size = (size_t)s->k * s->c,
                 c_size = (size_t)s->r * s->c;
    for (int i = 0; i < s->batch; i++) {
        const um_gemm g =
            product(s, um_data(t, node->in[0]) + i * a_size, um_data(t, node->in[1]) + i * b_size,
                    um_data(t, node->out) + i * c_size);
        um_kernels_of(t)->gemm(&g, um_scratch(t));
    }
}

static void vjp(um_tape *t, const um_node *node)
{
    const saved *s = node->saved;
    const size_t a_size = (size_t)s->r * s->k, b_size = (size_t)s->k * s->c,
                 c_size = (size_t)s->r * s->c;
    const um_real *a = um_data(t, node->in[0]), *b = um_data(t, node->in[1]),
                  *dc = um_grad(t, node->out);
    const um_into da = um_grad_into(t, node->in[0]);
    for (int i = 0; da.at && i < s->batch; i++) {
        const um_gemm g = left_grad(s, dc + i * c_size, b + i * b_size,
                                    (um_into){ da.at + i * a_size, da.add });
        um_kernels_of(t)->gemm(&g, um_scratch(t));
    }
    const um_into db = um_grad_into(t, node->in[1]);
    for (int i = 0; db.at && i < s->batch; i++) {
        const um_gemm g = right_grad(s, a + i * a_size, dc + i * c_size,
                                     (um_into){ db.at + i * b_size, db.add });
        um_kernels_of(t)->gemm(&g, um_scratch(t));
    }
}

static double cost(const um_node *node)
{
    const saved *s = node->saved;
    return (double)s->batch * s->r * s->k * s->c;
}

static const um_op op = { "matmul", 2, 1 << 0 | 1 << 1, forward, vjp, cost };

static size_t scratch(const um_tape *t, const saved *s)
{
    const um_into none = { NULL, false };
    const um_gemm all[] = { product(s, NULL, NULL, NULL), left_grad(s, NULL, NULL, none),
                            right_grad(s, NULL, NULL, none) };
    size_t most = 0;
    for (size_t i = 0; i < UM_COUNT(all); i++)
        most = UM_MAX(most, um_kernels_of(t)->gemm_scratch(&all[i], um_threads_of(t)));
    return most;
}

um_var um_matmul(um_tape *t, um_var a, um_var b)
{
    const um_shape p = um_shape_of(t, a), q = um_shape_of(t, b);
    if (p.n != q.n || p.h != q.h || p.c != q.w)
        return um_tape_fail(t, UM_BAD_SHAPE, "matmul: [%d, %d, %d, %d] times [%d, %d, %d, %d] "
                            "(the same batch, and as many columns as rows)",
                            p.n, p.h, p.w, p.c, q.n, q.h, q.w, q.c);
    const saved s = { p.n * p.h, p.w, p.c, q.c, um_precision_of(t) };
    um_tape_scratch(t, scratch(t, &s));
    return um_tape_push(t, &op, (um_var[]){ a, b }, (um_shape){ p.n, p.h, p.w, q.c }, &s, sizeof s);
}
