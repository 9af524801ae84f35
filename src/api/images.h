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
    int *labels; /* [n], -1 where an image has none; NULL: none has */
    double steps, rejected; /* of an image on average */
    um_filmstrip film;
    char *keys[UM_NOTES_MAX], *values[UM_NOTES_MAX];
    int notes;
};

/* Room for the images and, where frames > 0, for a filmstrip. On failure *out is NULL. */
um_status um_images_open(um_images **out, um_ctx *ctx, int n, int h, int w, int c, int frames);

/* Could images be written to `path` in that sample.format: does the place take them, and would n
 * images of h x w in `columns`, with a filmstrip of `frames`, be too large for a picture? */
um_status um_images_check_place(um_ctx *ctx, const char *format, const char *path);
um_status um_images_check_size(um_ctx *ctx, const char *format, const char *path, int n, int h,
                               int w, int columns, int frames);

#endif
