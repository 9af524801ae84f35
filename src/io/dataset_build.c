/* SPDX-License-Identifier: MIT
 * dataset_build.c - room for images, and what is done to all of them alike. */
#include "io/dataset_build.h"

#include <math.h>
#include <string.h>

#include "base/need.h"
#include "base/random.h"

size_t um_dataset_stride(const um_dataset *ds)
{
    return (size_t)ds->h * (size_t)ds->w * (size_t)ds->c;
}

um_status um_dataset_reserve(um_dataset *ds, int count, int held, int h, int w, int c, bool labels)
{
    if (h < 1 || w < 1 || c < 1 || h > UM_IMAGE_SIDE || w > UM_IMAGE_SIDE || c > UM_IMAGE_CHANNELS)
        return um_fail(ds->ctx, UM_BAD_FILE,
                       "images of %d x %d with %d channels (at most %d a side, %d "
                       "channels)",
                       h, w, c, (int)UM_IMAGE_SIDE, (int)UM_IMAGE_CHANNELS);
    if (count < 1 || held < 0 || held > INT32_MAX - count)
        return um_fail(ds->ctx, UM_BAD_FILE, "%d images to train on", count);
    const size_t total = (size_t)count + (size_t)held;
    ds->count = count, ds->held = held;
    ds->h = h, ds->w = w, ds->c = c;
    um_need need = { .work = "a data set",
                     .lower = "of pictures in a folder a smaller data.limit or data.image_size; "
                              "other kinds are read whole" };
    um_need_add(&need, "images", (double)total * (double)um_dataset_stride(ds));
    UM_TRY(um_need_check(ds->ctx, &need));
    UM_TRY(um_alloc(ds->ctx, &ds->pixels, total, um_dataset_stride(ds), "the images"));
    return labels ? um_alloc(ds->ctx, &ds->labels, total, sizeof *ds->labels, "the labels") : UM_OK;
}

int um_dataset_spread(int i, int n, int m)
{
    return (int)((int64_t)i * n / m);
}

um_status um_dataset_fit(um_dataset *ds, int h, int w)
{
    if (ds->h == h && ds->w == w) return UM_OK;
    const size_t from = um_dataset_stride(ds), to = (size_t)h * (size_t)w * (size_t)ds->c;
    const size_t total = (size_t)ds->count + (size_t)ds->held;
    uint8_t *pixels;
    UM_TRY(um_alloc(ds->ctx, &pixels, total, to, "the images"));
    um_status status = UM_OK;
    for (size_t i = 0; i < total && status == UM_OK; i++) {
        const um_image in = { ds->h, ds->w, ds->c, ds->pixels + i * from };
        um_image out;
        status = um_image_fit(ds->ctx, &in, h, w, &out);
        if (status == UM_OK) memcpy(pixels + i * to, out.pixels, to);
        um_image_free(ds->ctx, &out);
    }
    um_free(ds->ctx, status == UM_OK ? ds->pixels : pixels);
    if (status != UM_OK) return status;
    ds->pixels = pixels;
    ds->h = h, ds->w = w;
    return UM_OK;
}

um_status um_dataset_border(um_dataset *ds, int pad)
{
    const int h = ds->h + 2 * pad, w = ds->w + 2 * pad;
    const size_t row = (size_t)ds->w * (size_t)ds->c, wide = (size_t)w * (size_t)ds->c;
    const size_t total = (size_t)ds->count + (size_t)ds->held;
    uint8_t *pixels;
    UM_TRY(um_alloc(ds->ctx, &pixels, total, (size_t)h * wide, "the images"));
    for (size_t i = 0; i < total; i++)
        for (size_t y = 0; y < (size_t)ds->h; y++)
            memcpy(pixels + (i * (size_t)h + y + (size_t)pad) * wide + (size_t)pad * (size_t)ds->c,
                   ds->pixels + (i * (size_t)ds->h + y) * row, row);
    um_free(ds->ctx, ds->pixels);
    ds->pixels = pixels;
    ds->h = h, ds->w = w;
    return UM_OK;
}

/* Move one image with its label to another place. */
static void move(um_dataset *ds, int to, int from)
{
    const size_t stride = um_dataset_stride(ds);
    if (to == from) return;
    memcpy(ds->pixels + (size_t)to * stride, ds->pixels + (size_t)from * stride, stride);
    if (ds->labels) ds->labels[to] = ds->labels[from];
}

um_status um_dataset_thin(um_dataset *ds, int limit)
{
    if (limit >= ds->count) return UM_OK;
    for (int i = 0; i < limit; i++) move(ds, i, um_dataset_spread(i, ds->count, limit));
    for (int i = 0; i < ds->held; i++) move(ds, limit + i, ds->count + i);
    ds->count = limit;
    return UM_OK;
}

um_status um_dataset_hold_out(um_dataset *ds, double part)
{
    const int total = ds->count;
    if (total < 2) return UM_OK; /* a single image is all that there is to learn */
    const int held = UM_MIN(total - 1, UM_MAX(1, (int)lround(part * total)));
    const size_t stride = um_dataset_stride(ds);
    um_dataset split = { .ctx = ds->ctx };
    uint32_t *order = NULL;
    bool *out = NULL;
    um_status status = um_dataset_reserve(&split, total - held, held, ds->h, ds->w, ds->c,
                                          ds->labels != NULL);
    if (status == UM_OK)
        status = um_alloc(ds->ctx, &order, (size_t)total, sizeof *order, "the held-out images");
    if (status == UM_OK)
        status = um_alloc(ds->ctx, &out, (size_t)total, sizeof *out, "the held-out images");
    if (status == UM_OK) {
        um_random_permutation(&(um_random){ 0, UM_STREAM_VALIDATION, 0 }, order, (uint32_t)total);
        for (int i = 0; i < held; i++) out[order[i]] = true;
        for (int i = 0, kept = 0, gone = total - held; i < total; i++) { /* both keep their order */
            const int to = out[i] ? gone++ : kept++;
            /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): reserved */
            memcpy(split.pixels + (size_t)to * stride, ds->pixels + (size_t)i * stride, stride);
            if (ds->labels) split.labels[to] = ds->labels[i];
        }
        uint8_t *pixels = ds->pixels;
        int *labels = ds->labels;
        ds->pixels = split.pixels, split.pixels = pixels;
        ds->labels = split.labels, split.labels = labels;
        ds->count = total - held, ds->held = held;
    }
    um_free(ds->ctx, order);
    um_free(ds->ctx, out);
    um_dataset_close(&split);
    return status;
}
