/* SPDX-License-Identifier: MIT
 * attention_block.c - self-attention over the pixels. */
#include "nn/attention_block.h"

void um_attention_init(um_attention_block *b, const um_attention_settings *s)
{
    const bool one_head = s->head_dim == 0 || s->head_dim > s->channels;
    const int head_dim = one_head ? s->channels : s->head_dim;
    b->heads = s->channels / head_dim;
    b->scale = s->scale;
    b->normed = s->groups != 0;
    if (b->normed) um_norm_init(&b->group_norm, "group_norm", s->channels, s->groups, s->eps);
    um_linear_init(&b->to_q, "to_q", s->channels, b->heads * head_dim);
    um_linear_init(&b->to_k, "to_k", s->channels, b->heads * head_dim);
    um_linear_init(&b->to_v, "to_v", s->channels, b->heads * head_dim);
    um_linear_init(&b->to_out, "to_out.0", b->heads * head_dim, s->channels);
    um_linear_start_at_zero(&b->to_out);
}

void um_attention_visit(um_attention_block *b, um_visitor *v)
{
    if (b->normed) um_norm_visit(&b->group_norm, v);
    um_linear_visit(&b->to_q, v);
    um_linear_visit(&b->to_k, v);
    um_linear_visit(&b->to_v, v);
    um_linear_visit(&b->to_out, v);
}

um_var um_attention_apply(um_tape *t, const um_attention_block *b, um_var x)
{
    const um_var h = b->normed ? um_norm_apply(t, &b->group_norm, x) : x;
    const um_var q = um_linear_apply(t, &b->to_q, h);
    const um_var k = um_linear_apply(t, &b->to_k, h);
    const um_var v = um_linear_apply(t, &b->to_v, h);
    const um_var mixed = um_attention(t, q, k, v, b->heads);
    const um_var y = um_linear_apply(t, &b->to_out, mixed);
    return um_lincomb(t, 1.0 / b->scale, x, 1.0 / b->scale, y);
}
