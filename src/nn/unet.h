/* SPDX-License-Identifier: MIT
 * unet.h - the U-Net that predicts noise: diffusers' UNet2DModel, name for name (after DDPM, arXiv 2006.11239).
 *
 *     time, class -> embedding;  conv_in;  down blocks, keeping each output;  middle;  up blocks, each taking
 *     what the mirrored down block kept;  norm, SiLU, conv_out */
#ifndef UM_UNET_H
#define UM_UNET_H

#include "autograd/ops.h"
#include "nn/param.h"

enum { UM_UNET_MAX_LEVELS = 8 };

typedef enum um_time_embedding { UM_TIME_POSITIONAL, UM_TIME_FOURIER, UM_TIME_LEARNED } um_time_embedding;
typedef enum um_class_embedding { UM_CLASS_NONE, UM_CLASS_TABLE, UM_CLASS_TIMESTEP, UM_CLASS_IDENTITY } um_class_embedding;

/* Every key of a UNet2DModel's config.json, with its defaults in um_unet_config_default. */
typedef struct um_unet_config {
    int sample_h, sample_w; /* 0: not said */
    int in_channels, out_channels;
    int levels;             /* entries of the arrays */
    int channels[UM_UNET_MAX_LEVELS];
    bool down_attention[UM_UNET_MAX_LEVELS], up_attention[UM_UNET_MAX_LEVELS]; /* AttnDownBlock2D, AttnUpBlock2D */
    int layers_per_block;
    bool center_input_sample;
    um_time_embedding time_embedding_type;
    int time_embedding_dim; /* 0: four times the first level's channels */
    double freq_shift;
    bool flip_sin_to_cos;
    bool mid_block, add_attention; /* attention in the middle block */
    double mid_block_scale_factor;
    int downsample_padding;
    bool downsample_resnet, upsample_resnet; /* "resnet", else "conv" */
    double dropout;
    um_activation act_fn;
    int attention_head_dim; /* 0: one head */
    int norm_num_groups;
    int attn_norm_num_groups; /* 0: as norm_num_groups says */
    double norm_eps;
    bool time_scale_shift;
    um_class_embedding class_embed_type;
    int num_class_embeds, num_train_timesteps; /* 0: null */
} um_unet_config;

/* diffusers' defaults. */
void um_unet_config_default(um_unet_config *c);

/* UM_BAD_ARG naming the key, unless the network can be built. */
um_status um_unet_config_check(um_ctx *ctx, const um_unet_config *c);

/* UM_BAD_SHAPE unless images of h x w pass through every level. */
um_status um_unet_size_check(um_ctx *ctx, const um_unet_config *c, int h, int w);

typedef struct um_unet um_unet;

/* Build a network with all parameters zero (um_params_initialise or a file fills them). */
um_status um_unet_open(um_unet **unet, um_ctx *ctx, const um_unet_config *config);
void um_unet_close(um_unet **unet);

const um_unet_config *um_unet_configuration(const um_unet *unet);
um_params *um_unet_params(um_unet *unet);

/* Record x [n, h, w, in_channels], timesteps [n, 1, 1, 1] and, in a class-conditional model, labels [n, 1, 1, 1]
 * (else none) -> [n, h, w, out_channels]. `recompute`: each block is a segment that keeps only its ends.
 * Failures stay on the tape. */
um_var um_unet_apply(um_tape *t, um_unet *unet, um_var x, um_var timesteps, um_var labels, bool recompute);

#endif
