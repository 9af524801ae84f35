/* SPDX-License-Identifier: MIT
 * linear.c - a linear layer. */
#include "nn/linear.h"

#include <math.h>

void um_linear_init(um_linear_layer *l, const char *name, int in, int out)
{
    const double bound = 1.0 / sqrt(in);
    l->name = name;
    l->weight = (um_param){ .shape = { 1, 1, in, out },
                            .layout = UM_LAYOUT_LINEAR,
                            .init = UM_INIT_UNIFORM,
                            .scale = bound };
    l->bias = (um_param){ .shape = { 1, 1, 1, out },
                          .layout = UM_LAYOUT_VECTOR,
                          .init = UM_INIT_UNIFORM,
                          .scale = bound };
}

void um_linear_start_at_zero(um_linear_layer *l)
{
    l->weight.init = l->bias.init = UM_INIT_ZERO;
}

void um_linear_visit(um_linear_layer *l, um_visitor *v)
{
    um_visit_weight_and_bias(v, l->name, &l->weight, &l->bias);
}

um_var um_linear_apply(um_tape *t, const um_linear_layer *l, um_var x)
{
    um_tape_enter(t, "%s", l->name);
    const um_var weight = um_param_record(t, &l->weight);
    const um_var bias = um_param_record(t, &l->bias);
    const um_var y = um_linear(t, x, weight, bias);
    um_tape_leave(t);
    return y;
}
