/* SPDX-License-Identifier: MIT
 * unet_block.c - down, middle and up blocks. */
#include "nn/unet_block.h"

#include "nn/unet_config.h"

static um_res_settings res_settings(const um_unet_config *c, int in, int out)
{
    return (um_res_settings){ .in = in,
                              .out = out,
                              .emb = um_unet_embedding_width(c),
                              .groups = c->norm_num_groups,
                              .eps = c->norm_eps,
                              .act = c->act_fn,
                              .dropout = c->dropout,
                              .scale_shift = c->time_scale_shift,
                              .scale = 1.0 };
}

static um_attention_settings attention_settings(const um_unet_config *c, int channels)
{
    return (um_attention_settings){ .channels = channels,
                                    .head_dim = c->attention_head_dim,
                                    .groups = c->norm_num_groups,
                                    .eps = c->norm_eps,
                                    .scale = 1.0 };
}

/* Room for the layers; false once the arena has failed. */
static bool take_layers(um_unet_block *b, um_arena *arena, int layers, int attentions)
{
    b->layers = layers;
    b->attentions = attentions;
    b->resnets = um_arena_take(arena, (size_t)layers * sizeof *b->resnets);
    b->attns = um_arena_take(arena, (size_t)attentions * sizeof *b->attns);
    return arena->status == UM_OK;
}

void um_unet_block_init_down(um_unet_block *b, um_arena *arena, const um_unet_config *c, int level)
{
    const int out = c->channels[level], in = level ? c->channels[level - 1] : out;
    const bool attention = c->down_attention[level];
    b->name = um_arena_text(arena, "down_blocks.%d", level);
    if (!take_layers(b, arena, c->layers_per_block, attention ? c->layers_per_block : 0)) return;
    for (int i = 0; i < b->layers; i++) {
        const um_res_settings s = res_settings(c, i ? out : in, out);
        um_res_init(&b->resnets[i], &s);
    }
    const um_attention_settings a = attention_settings(c, out);
    for (int i = 0; i < b->attentions; i++) um_attention_init(&b->attns[i], &a);
    if (level == c->levels - 1) return;
    b->resample = UM_RESAMPLE_DOWN;
    b->resample_name = "downsamplers.0";
    b->resample_by_resnet = attention && c->downsample_resnet;
    um_res_settings s = res_settings(c, out, out);
    s.resample = UM_RESAMPLE_DOWN;
    if (b->resample_by_resnet)
        um_res_init(&b->resample_resnet, &s);
    else
        um_conv_init_down(&b->resample_conv, "conv", out, c->downsample_padding);
}

void um_unet_block_init_middle(um_unet_block *b, um_arena *arena, const um_unet_config *c)
{
    const int channels = c->channels[c->levels - 1];
    b->name = "mid_block";
    if (!take_layers(b, arena, 2, c->add_attention ? 1 : 0)) return;
    um_res_settings s = res_settings(c, channels, channels);
    s.scale = c->mid_block_scale_factor;
    for (int i = 0; i < b->layers; i++) um_res_init(&b->resnets[i], &s);
    um_attention_settings a = attention_settings(c, channels);
    a.scale = c->mid_block_scale_factor;
    if (c->attn_norm_num_groups)
        a.groups = c->attn_norm_num_groups;
    else if (c->time_scale_shift)
        a.groups = 0;
    if (b->attentions) um_attention_init(&b->attns[0], &a);
}

/* Layer i takes the mirrored down block's outputs from the last to the first; the first of all came
 * in with the channels of the level above. */
void um_unet_block_init_up(um_unet_block *b, um_arena *arena, const um_unet_config *c, int index)
{
    const int level = c->levels - 1 - index, layers = c->layers_per_block + 1;
    const int out = c->channels[level];
    const int below = index ? c->channels[level + 1] : out;
    const int above = level ? c->channels[level - 1] : out;
    const bool attention = c->up_attention[index];
    b->name = um_arena_text(arena, "up_blocks.%d", index);
    if (!take_layers(b, arena, layers, attention ? layers : 0)) return;
    for (int i = 0; i < layers; i++) {
        const int skip = i == layers - 1 ? above : out;
        const um_res_settings s = res_settings(c, (i ? out : below) + skip, out);
        um_res_init(&b->resnets[i], &s);
    }
    const um_attention_settings a = attention_settings(c, out);
    for (int i = 0; i < b->attentions; i++) um_attention_init(&b->attns[i], &a);
    if (level == 0) return;
    b->resample = UM_RESAMPLE_UP;
    b->resample_name = "upsamplers.0";
    b->resample_by_resnet = attention && c->upsample_resnet;
    um_res_settings s = res_settings(c, out, out);
    s.resample = UM_RESAMPLE_UP;
    if (b->resample_by_resnet)
        um_res_init(&b->resample_resnet, &s);
    else
        um_conv_init(&b->resample_conv, "conv", out, out, 3);
}

void um_unet_block_visit(um_unet_block *b, um_visitor *v)
{
    um_visit_enter(v, "%s", b->name);
    for (int i = 0; i < b->layers; i++) {
        um_visit_enter(v, "resnets.%d", i);
        um_res_visit(&b->resnets[i], v);
        um_visit_leave(v);
        if (i >= b->attentions) continue;
        um_visit_enter(v, "attentions.%d", i);
        um_attention_visit(&b->attns[i], v);
        um_visit_leave(v);
    }
    if (b->resample != UM_RESAMPLE_NONE) {
        um_visit_enter(v, "%s", b->resample_name);
        if (b->resample_by_resnet)
            um_res_visit(&b->resample_resnet, v);
        else
            um_conv_visit(&b->resample_conv, v);
        um_visit_leave(v);
    }
    um_visit_leave(v);
}

/* One residual block and its attention, on x or, where skip is not none, on x and skip side by
 * side. */
static um_var layer(um_tape *t, const um_unet_block *b, int i, um_var x, um_var skip,
                    const um_unet_flow *flow)
{
    if (flow->recompute) um_tape_segment_begin(t);
    um_tape_enter(t, "resnets.%d", i);
    if (skip.id) x = um_concat(t, x, skip);
    x = um_res_apply(t, &b->resnets[i], x, flow->emb);
    um_tape_leave(t);
    if (i < b->attentions) {
        um_tape_enter(t, "attentions.%d", i);
        x = um_attention_apply(t, &b->attns[i], x);
        um_tape_leave(t);
    }
    if (flow->recompute) um_tape_segment_end(t);
    return x;
}

static um_var resample(um_tape *t, const um_unet_block *b, um_var x, const um_unet_flow *flow)
{
    if (flow->recompute) um_tape_segment_begin(t);
    um_tape_enter(t, "%s", b->resample_name);
    if (b->resample_by_resnet) {
        x = um_res_apply(t, &b->resample_resnet, x, flow->emb);
    } else {
        if (b->resample == UM_RESAMPLE_UP) x = um_upsample2x(t, x);
        x = um_conv_apply(t, &b->resample_conv, x);
    }
    um_tape_leave(t);
    if (flow->recompute) um_tape_segment_end(t);
    return x;
}

um_var um_unet_block_down(um_tape *t, const um_unet_block *b, um_var x, um_unet_flow *flow)
{
    const um_var none = { 0 };
    um_tape_enter(t, "%s", b->name);
    for (int i = 0; i < b->layers; i++) {
        x = layer(t, b, i, x, none, flow);
        flow->skips[flow->n_skips++] = x;
    }
    if (b->resample != UM_RESAMPLE_NONE) {
        x = resample(t, b, x, flow);
        flow->skips[flow->n_skips++] = x;
    }
    um_tape_leave(t);
    return x;
}

um_var um_unet_block_middle(um_tape *t, const um_unet_block *b, um_var x, um_unet_flow *flow)
{
    const um_var none = { 0 };
    um_tape_enter(t, "%s", b->name);
    for (int i = 0; i < b->layers; i++) x = layer(t, b, i, x, none, flow);
    um_tape_leave(t);
    return x;
}

um_var um_unet_block_up(um_tape *t, const um_unet_block *b, um_var x, um_unet_flow *flow)
{
    um_tape_enter(t, "%s", b->name);
    for (int i = 0; i < b->layers; i++) x = layer(t, b, i, x, flow->skips[--flow->n_skips], flow);
    if (b->resample != UM_RESAMPLE_NONE) x = resample(t, b, x, flow);
    um_tape_leave(t);
    return x;
}
