/* SPDX-License-Identifier: MIT
 * conv.c - a convolution layer. */
#include "nn/conv.h"

#include <math.h>

void um_conv_init(um_conv *c, const char *name, int in, int out, int k)
{
    const double bound = 1.0 / sqrt((double)k * k * in);
    c->name = name;
    c->stride = 1;
    c->pad = c->pad_end = k / 2;
    c->weight = (um_param){ .shape = { k, k, in, out },
                            .layout = UM_LAYOUT_CONV,
                            .init = UM_INIT_UNIFORM,
                            .scale = bound };
    c->bias = (um_param){ .shape = { 1, 1, 1, out },
                          .layout = UM_LAYOUT_VECTOR,
                          .init = UM_INIT_UNIFORM,
                          .scale = bound };
}

void um_conv_init_down(um_conv *c, const char *name, int channels, int padding)
{
    um_conv_init(c, name, channels, channels, 3);
    c->stride = 2;
    c->pad = padding;
    c->pad_end = 1;
}

void um_conv_start_at_zero(um_conv *c)
{
    c->weight.init = c->bias.init = UM_INIT_ZERO;
}

void um_conv_visit(um_conv *c, um_visitor *v)
{
    um_visit_weight_and_bias(v, c->name, &c->weight, &c->bias);
}

um_var um_conv_apply(um_tape *t, const um_conv *c, um_var x)
{
    um_tape_enter(t, "%s", c->name);
    const um_var weight = um_param_record(t, &c->weight);
    const um_var bias = um_param_record(t, &c->bias);
    const um_var y = um_conv2d(t, x, weight, bias, c->stride, c->pad, c->pad_end);
    um_tape_leave(t);
    return y;
}
