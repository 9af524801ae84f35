/* SPDX-License-Identifier: MIT
 * norm.h - GroupNorm (Wu and He, arXiv 1803.08494), alone or followed by an activation. */
#ifndef UM_NORM_H
#define UM_NORM_H

#include "autograd/ops.h"
#include "nn/param.h"

typedef struct um_norm {
    const char *name;
    um_param weight, bias;
    int groups;
    double eps;
} um_norm;

/* groups must divide the channels. The name must outlive the layer. */
void um_norm_init(um_norm *l, const char *name, int channels, int groups, double eps);

void um_norm_visit(um_norm *l, um_visitor *v);

um_var um_norm_apply(um_tape *t, const um_norm *l, um_var x);

/* The norm, then the activation; one fused operation where that is SiLU. */
um_var um_norm_activate(um_tape *t, const um_norm *l, um_var x, um_activation act);

/* The same of x + offset, [n, 1, 1, c] and added at each pixel, or none: fused too. */
um_var um_norm_activate_offset(um_tape *t, const um_norm *l, um_var x, um_var offset,
                               um_activation act);

#endif
