/* SPDX-License-Identifier: MIT
 * conv.h - two-dimensional convolution with a bias. */
#ifndef UM_CONV_H
#define UM_CONV_H

#include "autograd/ops.h"
#include "nn/param.h"

typedef struct um_conv {
    const char *name;
    um_param weight, bias;
    int stride, pad, pad_end;
} um_conv;

/* k x k, stride 1, padded so that the size stays; PyTorch's initial values, uniform within
 * 1 / sqrt(k k in). The name must outlive the layer. */
void um_conv_init(um_conv *c, const char *name, int in, int out, int k);

/* 3 x 3 with stride 2. padding 1 pads all sides, padding 0 the right and the bottom alone: both
 * halve. */
void um_conv_init_down(um_conv *c, const char *name, int channels, int padding);

/* Start at zero instead: what the layer adds is nothing at first. */
void um_conv_start_at_zero(um_conv *c);

void um_conv_visit(um_conv *c, um_visitor *v);

um_var um_conv_apply(um_tape *t, const um_conv *c, um_var x);

#endif
