/* SPDX-License-Identifier: MIT
 * unet_file.h - a UNet2DModel folder: config.json and diffusion_pytorch_model.safetensors. */
#ifndef UM_UNET_FILE_H
#define UM_UNET_FILE_H

#include "nn/unet.h"

/* Read a config.json. UM_BAD_FILE with file and key for what is malformed or what this program cannot build. */
um_status um_unet_file_read_config(um_ctx *ctx, um_unet_config *out, const char *path);

/* Write it, every key. */
um_status um_unet_file_write_config(um_ctx *ctx, const um_unet_config *config, const char *path);

/* Fill the network from the safetensors file in `folder`; older attention names are understood. UM_BAD_FILE names
 * a tensor that is missing, unknown, or of another shape (both are given). */
um_status um_unet_file_read_weights(um_ctx *ctx, um_unet *unet, const char *folder);

/* Write the weights; `values` as um_params lays them out (NULL: the network's own), stored as F32, F16 or BF16. */
um_status um_unet_file_write_weights(um_ctx *ctx, um_unet *unet, const um_real *values, const char *dtype,
                                     const char *folder);

/* Open the network in `folder`: both files. On failure *unet is NULL. */
um_status um_unet_file_load(um_unet **unet, um_ctx *ctx, const char *folder);

#endif
