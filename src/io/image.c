/* SPDX-License-Identifier: MIT
 * image.c - making an image, and fitting one to a size. */
#include "io/image.h"

#include <math.h>
#include <string.h>

um_status um_image_make(um_ctx *ctx, um_image *out, int h, int w, int c)
{
    *out = (um_image){ 0 };
    if (h < 1 || w < 1 || h > UM_IMAGE_SIDE || w > UM_IMAGE_SIDE || c < 1 ||
        c > UM_IMAGE_CHANNELS || (int64_t)h * w > UM_IMAGE_PIXELS)
        return um_fail(ctx, UM_BAD_ARG, "an image of %d x %d with %d channels (at most %d a side, "
                       "%d pixels, %d channels)", h, w, c, (int)UM_IMAGE_SIDE, (int)UM_IMAGE_PIXELS,
                       (int)UM_IMAGE_CHANNELS);
    UM_TRY(um_alloc(ctx, &out->pixels, (size_t)h * (size_t)w, (size_t)c, "an image"));
    out->h = h, out->w = w, out->c = c;
    return UM_OK;
}

void um_image_free(um_ctx *ctx, um_image *image)
{
    um_free(ctx, image->pixels);
    *image = (um_image){ 0 };
}

/* How one axis is resampled: output i is the sum of weight[i * taps + k] * input[first[i] + k]. */
typedef struct axis {
    int *first, taps;
    float *weight;
} axis;

/* `from` input pixels from `offset` on become `to`: area where it shrinks, bilinear where it grows.
 * With scale = from / to, output i covers [i, i+1) * scale, or looks at (i + 1/2) * scale - 1/2. */
static um_status axis_make(um_ctx *ctx, axis *a, double offset, double from, int to, int size)
{
    const double scale = from / to;
    *a = (axis){ .taps = scale > 1.0 ? (int)ceil(scale) + 1 : 2 };
    UM_TRY(um_alloc(ctx, &a->first, (size_t)to, sizeof *a->first, "resampling"));
    UM_TRY(
        um_alloc(ctx, &a->weight, (size_t)to * (size_t)a->taps, sizeof *a->weight, "resampling"));
    for (int i = 0; i < to; i++) {
        float *weight = a->weight + (size_t)i * (size_t)a->taps;
        const double begin = offset + i * scale, end = begin + scale;
        const double centre = UM_MAX(offset, UM_MIN(0.5 * (begin + end) - 0.5, offset + from - 1));
        const int first = (int)floor(scale > 1.0 ? begin : centre);
        a->first[i] = UM_MIN(first, size - 1);
        for (int k = 0; k < a->taps && a->first[i] + k < size; k++) {
            const double at = a->first[i] + k;
            if (scale > 1.0)
                weight[k] = (float)(UM_MAX(0.0, UM_MIN(end, at + 1) - UM_MAX(begin, at)) / scale);
            else
                weight[k] = (float)UM_MAX(0.0, 1.0 - fabs(centre - at));
        }
    }
    return UM_OK;
}

static void axis_free(um_ctx *ctx, axis *a)
{
    um_free(ctx, a->first);
    um_free(ctx, a->weight);
}

/* Rows of in, each resampled along x, as floats [in->h, w, c]. */
static void along_x(const um_image *in, const axis *a, int w, float *out)
{
    for (int y = 0; y < in->h; y++)
        for (int x = 0; x < w; x++) {
            const uint8_t *row = in->pixels + ((size_t)y * in->w + a->first[x]) * in->c;
            const int taps = UM_MIN(a->taps, in->w - a->first[x]);
            for (int c = 0; c < in->c; c++) {
                float sum = 0.0f;
                for (int k = 0; k < taps; k++)
                    sum += a->weight[x * a->taps + k] * row[k * in->c + c];
                *out++ = sum;
            }
        }
}

static void along_y(const float *in, int in_h, const axis *a, um_image *out)
{
    const size_t row = (size_t)out->w * (size_t)out->c;
    for (int y = 0; y < out->h; y++) {
        const int taps = UM_MIN(a->taps, in_h - a->first[y]);
        for (size_t i = 0; i < row; i++) {
            float sum = 0.0f;
            for (int k = 0; k < taps; k++)
                sum += a->weight[y * a->taps + k] * in[(size_t)(a->first[y] + k) * row + i];
            out->pixels[(size_t)y * row + i] = (uint8_t)lrintf(UM_MIN(sum, 255.0f));
        }
    }
}

um_status um_image_fit(um_ctx *ctx, const um_image *in, int h, int w, um_image *out)
{
    UM_TRY(um_image_make(ctx, out, h, w, in->c));
    if (in->h == h && in->w == w) {
        memcpy(out->pixels, in->pixels, (size_t)h * (size_t)w * (size_t)in->c);
        return UM_OK;
    }
    /* The largest centred part of the shape h : w, possibly with fractions of a pixel. */
    const double part_h = UM_MIN((double)in->h, (double)in->w * h / w);
    const double part_w = UM_MIN((double)in->w, (double)in->h * w / h);
    axis x = { 0 }, y = { 0 };
    float *rows = NULL;
    um_status status = axis_make(ctx, &x, 0.5 * (in->w - part_w), part_w, w, in->w);
    if (status == UM_OK) status = axis_make(ctx, &y, 0.5 * (in->h - part_h), part_h, h, in->h);
    if (status == UM_OK)
        status = um_alloc(ctx, &rows, (size_t)in->h * (size_t)w, (size_t)in->c * sizeof *rows,
                          "resampling");
    if (status == UM_OK) {
        along_x(in, &x, w, rows);
        along_y(rows, in->h, &y, out);
    } else {
        um_image_free(ctx, out);
    }
    um_free(ctx, rows);
    axis_free(ctx, &x);
    axis_free(ctx, &y);
    return status;
}
