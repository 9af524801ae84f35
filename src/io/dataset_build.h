/* SPDX-License-Identifier: MIT
 * dataset_build.h - what the formats share: making a data set and reshaping it afterwards. */
#ifndef UM_DATASET_BUILD_H
#define UM_DATASET_BUILD_H

#include "io/dataset.h"

/* The formats' own functions, one source each; dataset.c lists them. */
um_status um_cifar10_probe(um_ctx *ctx, const char *path, bool *fits);
um_status um_cifar100_probe(um_ctx *ctx, const char *path, bool *fits);
um_status um_idx_probe(um_ctx *ctx, const char *path, bool *fits);
um_status um_pictures_probe(um_ctx *ctx, const char *path, bool *fits);
um_status um_cifar10_load(um_ctx *ctx, const char *path, const um_dataset_options *options,
                          um_dataset *out);
um_status um_cifar100_load(um_ctx *ctx, const char *path, const um_dataset_options *options,
                           um_dataset *out);
um_status um_idx_load(um_ctx *ctx, const char *path, const um_dataset_options *options,
                      um_dataset *out);
um_status um_pictures_load(um_ctx *ctx, const char *path, const um_dataset_options *options,
                           um_dataset *out);
um_status um_pictures_load_png(um_ctx *ctx, const char *path, const um_dataset_options *options,
                               um_dataset *out);
um_status um_pictures_load_jpeg(um_ctx *ctx, const char *path, const um_dataset_options *options,
                                um_dataset *out);

/* One file as it stands, and no walk through folders. */
um_status um_picture_load(um_ctx *ctx, const char *path, const um_dataset_options *options,
                          um_dataset *out);

/* Room for count + held images [h, w, c], zeroed, and for their labels where asked; sets those
 * fields. Sizes out of image.h's bounds are UM_BAD_FILE. */
um_status um_dataset_reserve(um_dataset *ds, int count, int held, int h, int w, int c, bool labels);

/* Which of n things is the i-th of m <= n spread evenly? */
int um_dataset_spread(int i, int n, int m);

/* Bytes of one image. */
size_t um_dataset_stride(const um_dataset *ds);

/* Fit every image to h by w; nothing happens where they are so already. */
um_status um_dataset_fit(um_dataset *ds, int h, int w);

/* A black border on every side. */
um_status um_dataset_border(um_dataset *ds, int pad);

/* Keep `limit` training images, spread evenly. */
um_status um_dataset_thin(um_dataset *ds, int limit);

/* Move a part of the training images to the held ones: the same for every run. */
um_status um_dataset_hold_out(um_dataset *ds, double part);

#endif
