/* SPDX-License-Identifier: MIT
 * unet_file.h - a UNet2DModel folder as diffusers keeps it: config.json and
 * diffusion_pytorch_model.safetensors, the weights whole or in shards with an index. */
#ifndef UM_UNET_FILE_H
#define UM_UNET_FILE_H

#include "nn/unet.h"

/* Read a config.json; keys that are not there have diffusers' defaults. UM_BAD_FILE with file and
 * key for what is malformed, for a key that no UNet2DModel has, and for what this program cannot
 * build. *out is then untouched. */
um_status um_unet_file_read_config(um_ctx *ctx, um_unet_config *out, const char *path);

/* Write it, every key, whole or not at all. UM_IO. */
um_status um_unet_file_write_config(um_ctx *ctx, const um_unet_config *config, const char *path);

/* Fill the network from the weights in `folder`; older attention names are understood, f16 and bf16
 * are widened. UM_BAD_FILE names a tensor that is missing, unknown, or of another shape (both are
 * given), or that holds an infinity or a NaN; the parameters then hold a mixture. */
um_status um_unet_file_read_weights(um_ctx *ctx, um_unet *unet, const char *folder);

/* Write the weights into a folder that is there; `values` as um_params lays them out (NULL: the
 * network's own), stored as dtype "F32", "F16" or "BF16" says, upper or lower case. UM_BAD_ARG for
 * another one, UM_NOT_FINITE for a number that is, or becomes, an infinity or a NaN, UM_IO. */
um_status um_unet_file_write_weights(um_ctx *ctx, um_unet *unet, const um_real *values,
                                     const char *dtype, const char *folder);

/* Open the network in `folder`: both files. On failure *unet is NULL; close it with
 * um_unet_close. */
um_status um_unet_file_load(um_unet **unet, um_ctx *ctx, const char *folder);

#endif
