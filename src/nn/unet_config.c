/* SPDX-License-Identifier: MIT
 * unet_config.c - defaults, and which configurations make a network. */
#include "nn/unet_config.h"

#include <math.h>

enum { CHANNELS_MAX = 1 << 16, ROWS_MAX = 1 << 24 };

void um_unet_config_default(um_unet_config *c)
{
    *c = (um_unet_config){
        .in_channels = 3,
        .out_channels = 3,
        .levels = 4,
        .channels = { 224, 448, 672, 896 },
        .down_attention = { false, true, true, true },
        .up_attention = { true, true, true, false },
        .layers_per_block = 2,
        .flip_sin_to_cos = true,
        .mid_block = true,
        .add_attention = true,
        .mid_block_scale_factor = 1.0,
        .downsample_padding = 1,
        .act_fn = UM_SILU,
        .attention_head_dim = 8,
        .norm_num_groups = 32,
        .norm_eps = 1e-5,
    };
}

int um_unet_embedding_width(const um_unet_config *c)
{
    return c->time_embedding_dim ? c->time_embedding_dim : 4 * c->channels[0];
}

int um_unet_classes(const um_unet_config *c)
{
    return c->class_embed_type == UM_CLASS_TABLE ? c->num_class_embeds - c->null_class : 0;
}

int um_unet_label_width(const um_unet_config *c)
{
    switch (c->class_embed_type) {
    case UM_CLASS_NONE:
        return 0;
    case UM_CLASS_IDENTITY:
        return um_unet_embedding_width(c);
    case UM_CLASS_TABLE:
    case UM_CLASS_TIMESTEP:
        break;
    }
    return 1;
}

/* Whole numbers with their bounds. */
static um_status check_ints(um_ctx *ctx, const um_unet_config *c)
{
    const struct {
        const char *key;
        int value, lo, hi;
    } rules[] = {
        { "in_channels", c->in_channels, 1, CHANNELS_MAX },
        { "out_channels", c->out_channels, 1, CHANNELS_MAX },
        { "block_out_channels: entries", c->levels, 1, UM_UNET_MAX_LEVELS },
        { "layers_per_block", c->layers_per_block, 1, UM_UNET_MAX_LAYERS },
        { "time_embedding_dim", c->time_embedding_dim, 0, CHANNELS_MAX },
        { "downsample_padding", c->downsample_padding, 0, 1 },
        { "attention_head_dim", c->attention_head_dim, 0, CHANNELS_MAX },
        { "norm_num_groups", c->norm_num_groups, 1, CHANNELS_MAX },
        { "attn_norm_num_groups", c->attn_norm_num_groups, 0, CHANNELS_MAX },
        { "num_classes", c->logits, 0, ROWS_MAX },
        { "num_class_embeds", c->num_class_embeds, 0, ROWS_MAX },
        { "num_train_timesteps", c->num_train_timesteps, 0, ROWS_MAX },
    };
    for (size_t i = 0; i < UM_COUNT(rules); i++)
        if (rules[i].value < rules[i].lo || rules[i].value > rules[i].hi)
            return um_fail(ctx, UM_BAD_ARG, "%s is %d (%d to %d)", rules[i].key, rules[i].value,
                           rules[i].lo, rules[i].hi);
    return UM_OK;
}

static um_status check_reals(um_ctx *ctx, const um_unet_config *c)
{
    if (!(c->dropout >= 0.0 && c->dropout < 1.0))
        return um_fail(ctx, UM_BAD_ARG, "dropout is %g (0 to below 1)", c->dropout);
    if (!(c->norm_eps > 0.0 && c->norm_eps < 1.0))
        return um_fail(ctx, UM_BAD_ARG, "norm_eps is %g (above 0, below 1)", c->norm_eps);
    if (!isfinite(c->mid_block_scale_factor) || c->mid_block_scale_factor == 0.0)
        return um_fail(ctx, UM_BAD_ARG, "mid_block_scale_factor is %g (any number but 0)",
                       c->mid_block_scale_factor);
    if (!isfinite(c->freq_shift))
        return um_fail(ctx, UM_BAD_ARG, "freq_shift is %g (a finite number)", c->freq_shift);
    return UM_OK;
}

/* Every norm stands on the sum of some levels' channels, so the groups must divide each of them. */
static um_status check_channels(um_ctx *ctx, const um_unet_config *c)
{
    for (int i = 0; i < c->levels; i++) {
        if (c->channels[i] < 1 || c->channels[i] > CHANNELS_MAX)
            return um_fail(ctx, UM_BAD_ARG, "block_out_channels has %d (1 to %d)", c->channels[i],
                           CHANNELS_MAX);
        if (c->channels[i] % c->norm_num_groups != 0)
            return um_fail(ctx, UM_BAD_ARG,
                           "norm_num_groups is %d (a divisor of block_out_channels' %d)",
                           c->norm_num_groups, c->channels[i]);
    }
    const int last = c->channels[c->levels - 1];
    if (c->mid_block && c->add_attention && c->attn_norm_num_groups &&
        last % c->attn_norm_num_groups != 0)
        return um_fail(ctx, UM_BAD_ARG,
                       "attn_norm_num_groups is %d (a divisor of the last level's %d)",
                       c->attn_norm_num_groups, last);
    return UM_OK;
}

static um_status check_embeddings(um_ctx *ctx, const um_unet_config *c)
{
    const int half = c->channels[0] / 2;
    if (c->time_embedding_type == UM_TIME_POSITIONAL && half == 0)
        return um_fail(ctx, UM_BAD_ARG,
                       "block_out_channels begins with %d (at least 2, for sine and cosine)",
                       c->channels[0]);
    if (c->time_embedding_type == UM_TIME_POSITIONAL && c->freq_shift == half)
        return um_fail(ctx, UM_BAD_ARG,
                       "freq_shift is %g (not %d, half of the first level's channels)",
                       c->freq_shift, half);
    if (c->time_embedding_type == UM_TIME_LEARNED && c->num_train_timesteps == 0)
        return um_fail(ctx, UM_BAD_ARG,
                       "num_train_timesteps is missing (time_embedding_type learned has "
                       "a row for each timestep)");
    if (c->class_embed_type == UM_CLASS_TABLE && c->num_class_embeds == 0)
        return um_fail(ctx, UM_BAD_ARG, "num_class_embeds is 0 (the number of classes)");
    if (c->null_class && (c->class_embed_type != UM_CLASS_TABLE || c->num_class_embeds < 2))
        return um_fail(ctx, UM_BAD_ARG,
                       "_null_class is true (false, or num_class_embeds of one more than classes)");
    if (c->logits && c->class_embed_type != UM_CLASS_NONE)
        return um_fail(ctx, UM_BAD_ARG, "a classifier with an embedding of classes (null)");
    return UM_OK;
}

um_status um_unet_config_check(um_ctx *ctx, const um_unet_config *c)
{
    UM_TRY(check_ints(ctx, c));
    UM_TRY(check_channels(ctx, c));
    UM_TRY(check_reals(ctx, c));
    UM_TRY(check_embeddings(ctx, c));
    if (c->sample_h == 0 && c->sample_w == 0) return UM_OK;
    if (um_unet_size_check(ctx, c, c->sample_h, c->sample_w) != UM_OK)
        return um_fail_at(ctx, UM_BAD_ARG, "sample_size");
    return UM_OK;
}

um_status um_unet_size_check(um_ctx *ctx, const um_unet_config *c, int h, int w)
{
    const int multiple = 1 << (c->levels - 1);
    if (h < 1 || w < 1 || h % multiple != 0 || w % multiple != 0)
        return um_fail(ctx, UM_BAD_SHAPE,
                       "images of %d x %d do not pass through %d levels (multiples of %d)", h, w,
                       c->levels, multiple);
    return UM_OK;
}

bool um_unet_learns_variance(const um_unet_config *c)
{
    return !c->logits && c->out_channels == 2 * c->in_channels;
}
