/* SPDX-License-Identifier: MIT
 * image.h - one picture in bytes. */
#ifndef UM_IMAGE_H
#define UM_IMAGE_H

#include "base/base.h"

enum {
    UM_IMAGE_SIDE = 16384,       /* longest side that is read     */
    UM_IMAGE_PIXELS = 1 << 26,   /* most pixels that are read     */
    UM_IMAGE_CHANNELS = 16,      /* most channels in a data set   */
};

typedef struct um_image {
    int h, w, c;
    uint8_t *pixels; /* [h, w, c] */
} um_image;

/* An image of zeros. UM_BAD_ARG for sides or channels out of bounds. On failure *out is zeroed. */
um_status um_image_make(um_ctx *ctx, um_image *out, int h, int w, int c);
void um_image_free(um_ctx *ctx, um_image *image);

/* Exactly h by w: the largest centred part of that shape, then each axis by area where it shrinks
 * and bilinear where it grows. An image of that size already is copied as it is. */
um_status um_image_fit(um_ctx *ctx, const um_image *in, int h, int w, um_image *out);

#endif
