/* SPDX-License-Identifier: MIT
 * picture.c - floats to bytes, images to grids. */
#include "io/picture.h"

#include <math.h>
#include <string.h>

enum { GAP = 2 };

static uint8_t byte_of(float x)
{
    const float unit = 0.5f * x + 0.5f;
    return !(unit > 0.0f) ? 0 : unit >= 1.0f ? 255 : (uint8_t)lrintf(unit * 255.0f);
}

void um_picture_bytes(const float *x, size_t count, uint8_t *out)
{
    for (size_t i = 0; i < count; i++) out[i] = byte_of(x[i]);
}

/* One image's shown channels at a place of the picture. */
static void place(um_image *out, const float *x, int h, int w, int c, int top, int left)
{
    for (int y = 0; y < h; y++) {
        uint8_t *row = out->pixels + ((size_t)(top + y) * out->w + left) * out->c;
        const float *from = x + (size_t)y * w * c;
        if (c == out->c)
            um_picture_bytes(from, (size_t)w * c, row);
        else
            for (int i = 0; i < w; i++)
                um_picture_bytes(from + (size_t)i * c, out->c, row + i * out->c);
    }
}

/* How n images lie: columns, the black between and around them, and pixels in all. */
typedef struct grid {
    int columns, gap;
    int64_t h, w;
} grid;

static grid lay(int n, int h, int w, int columns)
{
    const int cols = UM_MIN(n, columns ? columns : (int)ceil(sqrt(n)));
    const int rows = (n - 1) / cols + 1, gap = n > 1 ? GAP : 0;
    return (grid){ cols, gap, (int64_t)rows * (h + gap) + gap, (int64_t)cols * (w + gap) + gap };
}

um_status um_picture_check(um_ctx *ctx, int n, int h, int w, int columns)
{
    if (n < 1 || h < 1 || w < 1 || columns < 0 || h > UM_IMAGE_SIDE || w > UM_IMAGE_SIDE)
        return um_fail(ctx, UM_BAD_ARG, "a picture of %d images of %d x %d in %d columns", n, h, w,
                       columns);
    const grid g = lay(n, h, w, columns);
    if (g.h > UM_IMAGE_SIDE || g.w > UM_IMAGE_SIDE)
        return um_fail(ctx, UM_BAD_ARG,
                       "a picture of %d images of %d x %d in %d columns is larger than "
                       "%d a side (choose fewer images or another number of columns)",
                       n, h, w, g.columns, (int)UM_IMAGE_SIDE);
    return UM_OK;
}

um_status um_picture_grid(um_ctx *ctx, const float *x, int n, int h, int w, int c, int columns,
                          um_image *out)
{
    *out = (um_image){ 0 };
    UM_TRY(um_picture_check(ctx, n, h, w, columns));
    if (c < 1) return um_fail(ctx, UM_BAD_ARG, "a picture of %d channels", c);
    const grid g = lay(n, h, w, columns);
    UM_TRY(um_image_make(ctx, out, (int)g.h, (int)g.w, c >= 3 ? 3 : 1));
    for (int i = 0; i < n; i++)
        place(out, x + (size_t)i * h * w * c, h, w, c, g.gap + i / g.columns * (h + g.gap),
              g.gap + i % g.columns * (w + g.gap));
    return UM_OK;
}
