/* SPDX-License-Identifier: MIT
 * linear.h - y = x w + b over the channels. */
#ifndef UM_LINEAR_H
#define UM_LINEAR_H

#include "autograd/ops.h"
#include "nn/param.h"

typedef struct um_linear_layer {
    const char *name;
    um_param weight, bias;
} um_linear_layer;

/* PyTorch's initial values, uniform within 1 / sqrt(in). The name must outlive the layer. */
void um_linear_init(um_linear_layer *l, const char *name, int in, int out);

/* Start at zero instead: what the layer adds is nothing at first. */
void um_linear_start_at_zero(um_linear_layer *l);

void um_linear_visit(um_linear_layer *l, um_visitor *v);

/* [n, h, w, in] -> [n, h, w, out] */
um_var um_linear_apply(um_tape *t, const um_linear_layer *l, um_var x);

#endif
