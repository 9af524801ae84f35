/* SPDX-License-Identifier: MIT
 * images.h - drawn images and how they came about. */
#ifndef UM_IMAGES_H
#define UM_IMAGES_H

#include "io/png.h"
#include "unmist.h"

enum { UM_NOTES_MAX = 16 };

/* Frames kept along the way: x_t and the prediction of x0, [frames, n, h, w, c] each. */
typedef struct um_filmstrip {
    int frames, room;
    int *row; /* of the plan */
    float *x, *x0;
} um_filmstrip;

struct um_images {
    um_ctx *ctx;
    int n, h, w, c;
    int columns;
    char format[8]; /* sample.format */
    float *x;
    um_filmstrip film;
    char *keys[UM_NOTES_MAX], *values[UM_NOTES_MAX];
    int notes;
};

/* Room for the images and, where frames > 0, for a filmstrip. On failure *out is NULL. */
um_status um_images_open(um_images **out, um_ctx *ctx, int n, int h, int w, int c, int frames);

#endif
