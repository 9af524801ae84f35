/* SPDX-License-Identifier: MIT
 * norm.c - group normalisation. */
#include "nn/norm.h"

void um_norm_init(um_norm *l, const char *name, int channels, int groups, double eps)
{
    const um_shape shape = { 1, 1, 1, channels };
    l->name = name;
    l->weight = (um_param){ .shape = shape, .layout = UM_LAYOUT_VECTOR, .init = UM_INIT_ONE };
    l->bias = (um_param){ .shape = shape, .layout = UM_LAYOUT_VECTOR, .init = UM_INIT_ZERO };
    l->groups = groups;
    l->eps = eps;
}

void um_norm_visit(um_norm *l, um_visitor *v)
{
    um_visit_weight_and_bias(v, l->name, &l->weight, &l->bias);
}

static um_var apply(um_tape *t, const um_norm *l, um_var x, um_var offset, bool silu)
{
    um_tape_enter(t, "%s", l->name);
    const um_var weight = um_param_record(t, &l->weight);
    const um_var bias = um_param_record(t, &l->bias);
    const um_var y = um_group_norm(t, x, weight, bias, offset, l->groups, l->eps, silu);
    um_tape_leave(t);
    return y;
}

um_var um_norm_apply(um_tape *t, const um_norm *l, um_var x)
{
    return apply(t, l, x, (um_var){ 0 }, false);
}

um_var um_norm_activate(um_tape *t, const um_norm *l, um_var x, um_activation act)
{
    return um_norm_activate_offset(t, l, x, (um_var){ 0 }, act);
}

um_var um_norm_activate_offset(um_tape *t, const um_norm *l, um_var x, um_var offset,
                               um_activation act)
{
    if (act == UM_SILU) return apply(t, l, x, offset, true);
    return um_activate(t, apply(t, l, x, offset, false), act);
}
