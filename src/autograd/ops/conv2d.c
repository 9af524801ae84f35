/* SPDX-License-Identifier: MIT
 * conv2d.c - the convolution: y = x * w + bias. */
#include "autograd/ops/common.h"

static void forward(um_tape *t, const um_node *node)
{
    um_kernels_of(t)->conv2d(node->saved, um_data(t, node->in[0]), um_data(t, node->in[1]),
                             um_data(t, node->in[2]), um_data(t, node->out), um_scratch(t));
}

static void vjp(um_tape *t, const um_node *node)
{
    const um_kernels *k = um_kernels_of(t);
    const um_conv2d_shape *s = node->saved;
    const um_real *dy = um_grad(t, node->out);
    const um_into dx = um_grad_into(t, node->in[0]);
    if (dx.at) k->conv2d_dx(s, dy, um_data(t, node->in[1]), dx.at, dx.add, um_scratch(t));
    const um_into dw = um_grad_into(t, node->in[1]);
    if (dw.at) k->conv2d_dw(s, um_data(t, node->in[0]), dy, dw.at, dw.add, um_scratch(t));
    const um_shape out = um_shape_of(t, node->out);
    um_put_bias(t, um_grad_into(t, node->in[2]), um_rows(out), out.c, dy);
}

static double cost(const um_node *node)
{
    const um_conv2d_shape *s = node->saved;
    return (double)s->n * um_conv2d_out(s, s->h) * um_conv2d_out(s, s->w) * s->k * s->k * s->ci *
           s->co;
}

/* The narrow layers at both ends of a network hold few of its products, and what bf16 rounds there
 * goes into all that follows: they keep float32. */
enum { NARROW = 16 };

static um_precision precision_of(const um_tape *t, int ci, int co)
{
    return UM_MIN(ci, co) < NARROW ? UM_F32 : um_precision_of(t);
}

static const um_op op = { "conv2d", 3, 1 << 0 | 1 << 1, forward, vjp, cost };

um_var um_conv2d(um_tape *t, um_var x, um_var w, um_var bias, int stride, int pad, int pad_end)
{
    const um_shape d = um_shape_of(t, x), f = um_shape_of(t, w);
    if (f.n != f.h || f.w != d.c || (bias.id && !um_is_vector(um_shape_of(t, bias), f.c)))
        return um_tape_fail(
            t, UM_BAD_SHAPE,
            "conv2d: %d channels, weights [%d, %d, %d, %d] "
            "(k, k, input channels, output channels, and a bias for each of the last)",
            d.c, f.n, f.h, f.w, f.c);
    if (stride < 1 || pad < 0 || pad_end < 0 || pad >= f.n || pad_end >= f.n ||
        UM_MIN(d.h, d.w) + pad + pad_end < f.n)
        return um_tape_fail(t, UM_BAD_SHAPE,
                            "conv2d: an image of %d x %d, filter of %d, stride %d, "
                            "padding %d and %d (padding below the filter, and room for the filter)",
                            d.h, d.w, f.n, stride, pad, pad_end);
    const um_conv2d_shape s = { d.n,    d.h, d.w,     d.c,              f.c, f.n,
                                stride, pad, pad_end, precision_of(t, d.c, f.c) };
    const um_shape out = { d.n, um_conv2d_out(&s, d.h), um_conv2d_out(&s, d.w), f.c };
    um_tape_scratch(t, um_kernels_of(t)->conv2d_scratch(&s, um_threads_of(t)));
    return um_tape_push(t, &op, (um_var[]){ x, w, bias }, out, &s, sizeof s);
}
