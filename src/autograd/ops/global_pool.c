/* SPDX-License-Identifier: MIT
 * global_pool.c - the mean over an image's pixels, channel by channel. */
#include "autograd/ops/common.h"

static void forward(um_tape *t, const um_node *node)
{
    const um_shape s = um_shape_of(t, node->in[0]);
    const size_t pixels = (size_t)s.h * (size_t)s.w;
    um_real *y = um_data(t, node->out);
    um_kernels_of(t)->sum_pixels(s.n, pixels, s.c, um_data(t, node->in[0]), y, false);
    for (size_t i = 0; i < (size_t)s.n * (size_t)s.c; i++) y[i] /= (um_real)pixels;
}

static void vjp(um_tape *t, const um_node *node)
{
    const um_shape s = um_shape_of(t, node->in[0]);
    const size_t c = (size_t)s.c, image = (size_t)s.h * (size_t)s.w * c;
    const um_real share = 1 / (um_real)(image / c), *dy = um_grad(t, node->out);
    const um_into dx = um_grad_into(t, node->in[0]);
    for (size_t i = 0; dx.at && i < (size_t)s.n * image; i++) {
        const um_real slope = dy[i / image * c + i % c] * share;
        dx.at[i] = dx.add ? dx.at[i] + slope : slope;
    }
}

static const um_op op = { "global_pool", 1, 0, forward, vjp };

um_var um_global_pool(um_tape *t, um_var x)
{
    const um_shape s = um_shape_of(t, x);
    return um_tape_push(t, &op, &x, (um_shape){ s.n, 1, 1, s.c }, NULL, 0);
}
