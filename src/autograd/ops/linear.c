/* SPDX-License-Identifier: MIT
 * linear.c - y = x w + bias:  dx = dy w^T,  dw = x^T dy,  dbias = the sum of dy's rows. */
#include "autograd/ops/common.h"

typedef struct saved {
    int rows, ci, co;
    um_precision precision;
} saved;

static um_gemm product(const saved *s, const um_real *x, const um_real *w, const um_real *bias,
                       um_real *y)
{
    return (um_gemm){ .m = s->rows, .n = s->co, .k = s->ci,
                      .a = x, .a_row = s->ci, .a_col = 1,
                      .b = w, .b_row = s->co, .b_col = 1,
                      .c = y, .c_row = s->co, .bias = bias, .precision = s->precision };
}

static um_gemm input_grad(const saved *s, const um_real *dy, const um_real *w, um_into dx)
{
    return (um_gemm){ .m = s->rows, .n = s->ci, .k = s->co,
                      .a = dy, .a_row = s->co, .a_col = 1,
                      .b = w, .b_row = 1, .b_col = s->co,
                      .c = dx.at, .c_row = s->ci, .add = dx.add, .precision = s->precision };
}

static um_gemm weight_grad(const saved *s, const um_real *x, const um_real *dy, um_into dw)
{
    return (um_gemm){ .m = s->ci, .n = s->co, .k = s->rows,
                      .a = x, .a_row = 1, .a_col = s->ci,
                      .b = dy, .b_row = s->co, .b_col = 1,
                      .c = dw.at, .c_row = s->co, .add = dw.add, .precision = s->precision };
}

static void forward(um_tape *t, const um_node *node)
{
    const um_gemm g = product(node->saved, um_data(t, node->in[0]), um_data(t, node->in[1]),
                              um_data(t, node->in[2]), um_data(t, node->out));
    um_kernels_of(t)->gemm(&g, um_scratch(t));
}

static void vjp(um_tape *t, const um_node *node)
{
    const saved *s = node->saved;
    const um_real *dy = um_grad(t, node->out);
    const um_into dx = um_grad_into(t, node->in[0]);
    if (dx.at) {
        const um_gemm g = input_grad(s, dy, um_data(t, node->in[1]), dx);
        um_kernels_of(t)->gemm(&g, um_scratch(t));
    }
    const um_into dw = um_grad_into(t, node->in[1]);
    if (dw.at) {
        const um_gemm g = weight_grad(s, um_data(t, node->in[0]), dy, dw);
        um_kernels_of(t)->gemm(&g, um_scratch(t));
    }
    um_put_bias(t, um_grad_into(t, node->in[2]), (size_t)s->rows, s->co, dy);
}

static double cost(const um_node *node)
{
    const saved *s = node->saved;
    return (double)s->rows * s->ci * s->co;
}

static const um_op op = { "linear", 3, 1 << 0 | 1 << 1, forward, vjp, cost };

static size_t scratch(const um_tape *t, const saved *s)
{
    const um_into none = { NULL, false };
    const um_gemm all[] = { product(s, NULL, NULL, NULL, NULL), input_grad(s, NULL, NULL, none),
                            weight_grad(s, NULL, NULL, none) };
    size_t most = 0;
    for (size_t i = 0; i < UM_COUNT(all); i++)
        most = UM_MAX(most, um_kernels_of(t)->gemm_scratch(&all[i], um_threads_of(t)));
    return most;
}

um_var um_linear(um_tape *t, um_var x, um_var w, um_var bias)
{
    const um_shape d = um_shape_of(t, x), f = um_shape_of(t, w);
    if (f.n != 1 || f.h != 1 || f.w != d.c || (bias.id && !um_is_vector(um_shape_of(t, bias), f.c)))
        return um_tape_fail(
            t, UM_BAD_SHAPE,
            "linear: %d channels, weights [%d, %d, %d, %d] "
            "(1, 1, input channels, output channels, and a bias for each of the last)",
            d.c, f.n, f.h, f.w, f.c);
    const saved s = { (int)um_rows(d), d.c, f.c, um_precision_of(t) };
    um_tape_scratch(t, scratch(t, &s));
    return um_tape_push(t, &op, (um_var[]){ x, w, bias }, (um_shape){ d.n, d.h, d.w, f.c }, &s,
                        sizeof s);
}
