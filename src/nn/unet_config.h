/* SPDX-License-Identifier: MIT
 * unet_config.h - every key of a UNet2DModel's config.json. */
#ifndef UM_UNET_CONFIG_H
#define UM_UNET_CONFIG_H

#include "tensor/kernels/activation.h"

enum { UM_UNET_MAX_LEVELS = 8, UM_UNET_MAX_LAYERS = 32 };

/* How a timestep becomes numbers, and a class label. */
typedef enum um_time_embedding {
    UM_TIME_POSITIONAL,
    UM_TIME_FOURIER,
    UM_TIME_LEARNED
} um_time_embedding;
typedef enum um_class_embedding {
    UM_CLASS_NONE,
    UM_CLASS_TABLE, /* one row for each class: class_embed_type null and num_class_embeds given */
    UM_CLASS_TIMESTEP, /* the label treated as a timestep is */
    UM_CLASS_IDENTITY, /* the label is an embedding already, as wide as the time's */
} um_class_embedding;

typedef struct um_unet_config {
    int sample_h, sample_w; /* 0: not said */
    int in_channels, out_channels;
    int levels; /* entries of the arrays */
    int channels[UM_UNET_MAX_LEVELS];
    bool down_attention[UM_UNET_MAX_LEVELS]; /* AttnDownBlock2D, from the largest images down */
    bool up_attention[UM_UNET_MAX_LEVELS];   /* AttnUpBlock2D, from the smallest images up */
    int layers_per_block;
    bool center_input_sample;
    um_time_embedding time_embedding_type;
    int time_embedding_dim; /* 0: four times the first level's channels */
    double freq_shift;
    bool flip_sin_to_cos;
    bool mid_block, add_attention; /* attention in the middle block */
    double mid_block_scale_factor;
    int downsample_padding;
    bool downsample_resnet, upsample_resnet; /* "resnet", else "conv"; beside attention alone */
    double dropout;
    um_activation act_fn;
    int attention_head_dim; /* 0: one head */
    int norm_num_groups;
    int attn_norm_num_groups; /* of the middle block; 0: norm_num_groups, none with scale-shift */
    double norm_eps;
    bool time_scale_shift;
    um_class_embedding class_embed_type;
    int num_class_embeds, num_train_timesteps; /* 0: null */
    int logits;      /* 0: predicts an image; else the encoder half alone, which ends in the scores
                      * of so many classes (nn/classifier.h) */
    bool null_class; /* the last of num_class_embeds stands for none (Ho & Salimans, 2207.12598) */
} um_unet_config;

/* diffusers' defaults. */
void um_unet_config_default(um_unet_config *c);

/* UM_BAD_ARG naming the key, unless the network can be built. */
um_status um_unet_config_check(um_ctx *ctx, const um_unet_config *c);

/* Twice as many channels out as in: a pixel's second half says the variance (Nichol and Dhariwal
 * 2021, section 3.1). */
bool um_unet_learns_variance(const um_unet_config *c);

/* UM_BAD_SHAPE unless images of h x w pass through every level. */
um_status um_unet_size_check(um_ctx *ctx, const um_unet_config *c, int h, int w);

/* Width of the time embedding. */
int um_unet_embedding_width(const um_unet_config *c);

/* Classes that images can have: rows of a table of classes without the null class; 0 in any other
 * model. */
int um_unet_classes(const um_unet_config *c);

/* Numbers that um_unet_apply wants of each image's label: 0 in an unconditional model, else 1, but
 * the embedding's width with UM_CLASS_IDENTITY. */
int um_unet_label_width(const um_unet_config *c);

#endif
