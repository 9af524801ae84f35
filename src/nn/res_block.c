/* SPDX-License-Identifier: MIT
 * res_block.c - norm, convolution, time, norm, convolution, and around them the shortcut. */
#include "nn/res_block.h"

void um_res_init(um_res_block *b, const um_res_settings *s)
{
    b->settings = *s;
    um_norm_init(&b->norm1, "norm1", s->in, s->groups, s->eps);
    um_conv_init(&b->conv1, "conv1", s->in, s->out, 3);
    um_linear_init(&b->time_emb_proj, "time_emb_proj", s->emb,
                   s->scale_shift ? 2 * s->out : s->out);
    um_norm_init(&b->norm2, "norm2", s->out, s->groups, s->eps);
    um_conv_init(&b->conv2, "conv2", s->out, s->out, 3);
    um_conv_start_at_zero(&b->conv2);
    if (s->in != s->out) um_conv_init(&b->conv_shortcut, "conv_shortcut", s->in, s->out, 1);
}

void um_res_visit(um_res_block *b, um_visitor *v)
{
    um_norm_visit(&b->norm1, v);
    um_conv_visit(&b->conv1, v);
    um_linear_visit(&b->time_emb_proj, v);
    um_norm_visit(&b->norm2, v);
    um_conv_visit(&b->conv2, v);
    if (b->settings.in != b->settings.out) um_conv_visit(&b->conv_shortcut, v);
}

static um_var resample(um_tape *t, um_resample kind, um_var x)
{
    switch (kind) {
    case UM_RESAMPLE_DOWN:
        return um_avg_pool2x(t, x);
    case UM_RESAMPLE_UP:
        return um_upsample2x(t, x);
    case UM_RESAMPLE_NONE:
        break;
    }
    return x;
}

/* What the time does to h, and the norm and activation around it. */
static um_var with_time(um_tape *t, const um_res_block *b, um_var h, um_var emb)
{
    const um_var time = um_linear_apply(t, &b->time_emb_proj, emb);
    if (!b->settings.scale_shift)
        return um_norm_activate_offset(t, &b->norm2, h, time, b->settings.act);
    h = um_norm_apply(t, &b->norm2, h);
    h = um_scale_shift(t, h, time);
    return um_activate(t, h, b->settings.act);
}

um_var um_res_apply(um_tape *t, const um_res_block *b, um_var x, um_var emb)
{
    const um_res_settings *s = &b->settings;
    um_var h = um_norm_activate(t, &b->norm1, x, s->act);
    h = resample(t, s->resample, h);
    x = resample(t, s->resample, x);
    h = um_conv_apply(t, &b->conv1, h);
    h = with_time(t, b, h, emb);
    h = um_dropout(t, h, s->dropout);
    h = um_conv_apply(t, &b->conv2, h);
    if (s->in != s->out) x = um_conv_apply(t, &b->conv_shortcut, x);
    return um_lincomb(t, 1.0 / s->scale, x, 1.0 / s->scale, h);
}
