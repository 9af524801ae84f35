/* SPDX-License-Identifier: MIT
 * unet_block.h - what the U-Net has at one level: residual blocks, each with attention or without,
 * and a change of size behind the last. Down, middle and up blocks are of this one kind. */
#ifndef UM_UNET_BLOCK_H
#define UM_UNET_BLOCK_H

#include "nn/attention_block.h"
#include "nn/res_block.h"
#include "nn/unet_config.h"

typedef struct um_unet_block {
    const char *name;          /* "down_blocks.1" */
    int layers, attentions;    /* layer i has attention where i < attentions */
    um_res_block *resnets;     /* [layers] */
    um_attention_block *attns; /* [attentions] */
    um_resample resample;      /* behind the last layer */
    const char *resample_name; /* "downsamplers.0" */
    bool resample_by_resnet;
    um_conv resample_conv; /* or the residual block: */
    um_res_block resample_resnet;
} um_unet_block;

/* Blocks of a checked configuration, in memory of the arena (which keeps its failure). down: level
 * counts from the largest images; up: index counts from the smallest. */
void um_unet_block_init_down(um_unet_block *b, um_arena *arena, const um_unet_config *c, int level);
void um_unet_block_init_middle(um_unet_block *b, um_arena *arena, const um_unet_config *c);
void um_unet_block_init_up(um_unet_block *b, um_arena *arena, const um_unet_config *c, int index);

void um_unet_block_visit(um_unet_block *b, um_visitor *v);

/* What a block's apply needs beside x. emb [n, 1, 1, width], after the activation. `skips` is a
 * stack: down blocks push what each layer and the change of size give, up blocks pop one for each
 * layer and concatenate it to their input. `recompute`: each layer is a segment of the tape. */
typedef struct um_unet_flow {
    um_var emb;
    um_var *skips;
    int n_skips;
    bool recompute;
} um_unet_flow;

um_var um_unet_block_down(um_tape *t, const um_unet_block *b, um_var x, um_unet_flow *flow);
um_var um_unet_block_middle(um_tape *t, const um_unet_block *b, um_var x, um_unet_flow *flow);
um_var um_unet_block_up(um_tape *t, const um_unet_block *b, um_var x, um_unet_flow *flow);

#endif
