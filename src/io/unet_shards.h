/* SPDX-License-Identifier: MIT
 * unet_shards.h - the weight files of a UNet2DModel folder, opened as one. */
#ifndef UM_UNET_SHARDS_H
#define UM_UNET_SHARDS_H

#include "io/safetensors.h"

#define UM_WEIGHTS_NAME "diffusion_pytorch_model.safetensors"

typedef struct um_unet_shards {
    um_ctx *ctx;
    um_safetensors *files;
    int count;
} um_unet_shards;

/* diffusion_pytorch_model.safetensors, or the files that its .index.json names; where neither is
 * there, the only variant (diffusion_pytorch_model.fp16.safetensors, or its index). UM_BAD_FILE
 * where there is none, or several, or one cannot be read; pickles are refused with the way to
 * convert them. */
um_status um_unet_shards_open(um_unet_shards *s, um_ctx *ctx, const char *folder);

/* Release all; harmless on a zeroed one. */
void um_unet_shards_close(um_unet_shards *s);

/* The tensor of that name in the first file that has it, or NULL. */
const um_stored *um_unet_shards_find(const um_unet_shards *s, const char *name);

#endif
