/* SPDX-License-Identifier: MIT
 * edit_read.c - pictures and data sets as images of a model's size, and masks. */
#include "api/editing.h"

#include "io/path.h"

#include <math.h>
#include <string.h>

static bool is_picture(const char *path)
{
    return um_path_ends_with(path, ".png") || um_path_ends_with(path, ".jpg") ||
           um_path_ends_with(path, ".jpeg");
}

static um_status open_path(um_dataset *ds, um_ctx *ctx, const um_config *c, um_size size,
                           const char *path)
{
    um_dataset_options options = um_dataset_options_from_config(c);
    options.image_h = size.h;
    options.image_w = size.w;
    options.validation = 0.0;
    return is_picture(path) && !um_path_is_folder(path)
               ? um_dataset_open_picture(ds, ctx, path, &options)
               : um_dataset_open(ds, ctx, path, &options);
}

/* Luma of ITU-R BT.601, as PNG readers and Pillow have it. Equal channels stay what they are. */
static float gray_of(const float *rgb)
{
    return (float)(0.299 * (double)rgb[0] + 0.587 * (double)rgb[1] + 0.114 * (double)rgb[2]);
}

/* Pixels of `from` channels as pixels of `to`: 1 or 3 each. */
static void convert(size_t pixels, int from, const float *x, int to, float *out)
{
    for (size_t i = 0; i < pixels; i++)
        for (int c = 0; c < to; c++)
            out[i * (size_t)to + (size_t)c] = from == to  ? x[i * (size_t)from + (size_t)c]
                                              : from == 1 ? x[i]
                                                          : gray_of(x + 3 * i);
}

/* The training images of a data set behind those that `all` has; its memory grows by that much. */
static um_status append(um_images *all, const um_dataset *ds)
{
    um_ctx *ctx = all->ctx;
    const size_t pixels = (size_t)all->h * (size_t)all->w, image = pixels * (size_t)all->c;
    um_images *sum;
    float *raw = NULL;
    UM_TRY(um_images_open(&sum, ctx, all->n + ds->count, all->h, all->w, all->c, 0));
    um_status status =
        um_alloc(ctx, &sum->labels, (size_t)sum->n, sizeof *sum->labels, "classes");
    if (status == UM_OK)
        status = um_alloc(ctx, &raw, pixels * (size_t)ds->c, sizeof *raw, "an image");
    if (all->n) memcpy(sum->x, all->x, (size_t)all->n * image * sizeof *sum->x);
    for (int i = 0; i < all->n && status == UM_OK; i++) sum->labels[i] = all->labels[i];
    for (int i = 0; i < ds->count && status == UM_OK; i++) {
        const uint32_t index = (uint32_t)i;
        status = um_dataset_batch(ds, &index, NULL, 1, raw, NULL);
        convert(pixels, ds->c, raw, all->c, sum->x + (size_t)(all->n + i) * image);
        sum->labels[all->n + i] = ds->labels ? ds->labels[i] : -1;
    }
    um_free(ctx, raw);
    if (status == UM_OK) { /* the longer list takes the other's place */
        const um_images old = *all;
        *all = *sum;
        *sum = old;
    }
    um_images_close(&sum);
    return status;
}

static um_status check_channels(um_ctx *ctx, int channels)
{
    if (channels == 1 || channels == 3) return UM_OK;
    return um_fail(ctx, UM_BAD_ARG, "the model's images have %d channels, which no picture here "
                   "holds (1 or 3)", channels);
}

static um_status read_paths(um_images *all, const um_config *c, const char *const *paths, int count)
{
    for (int i = 0; i < count; i++) {
        um_dataset ds;
        UM_TRY(open_path(&ds, all->ctx, c, (um_size){ all->h, all->w }, paths[i]));
        const um_status status = append(all, &ds);
        um_dataset_close(&ds);
        UM_TRY(status);
    }
    return UM_OK;
}

um_status um_edit_read(um_images **out, um_model *m, um_settings *s, const char *const *paths,
                       int count)
{
    um_config c;
    um_size size;
    const int channels = um_unet_configuration(m->unet)->in_channels;
    *out = NULL;
    UM_TRY(um_model_adopted(m, s, &c, &size));
    um_status status = check_channels(m->ctx, channels);
    if (status == UM_OK) status = um_images_open(out, m->ctx, 0, size.h, size.w, channels, 0);
    if (status == UM_OK) status = read_paths(*out, &c, paths, count);
    if (status != UM_OK) um_images_close(out);
    um_arena_free(&c.texts);
    return status;
}

um_status um_edit_read_mask(um_ctx *ctx, const um_config *c, um_size size, int channels,
                            const char *path, bool **redraw)
{
    const size_t pixels = (size_t)size.h * (size_t)size.w;
    um_dataset ds;
    size_t white = 0;
    *redraw = NULL;
    UM_TRY(open_path(&ds, ctx, c, size, path));
    um_status status = um_alloc(ctx, redraw, pixels * (size_t)channels, sizeof **redraw, "a mask");
    for (size_t i = 0; i < pixels && status == UM_OK; i++) {
        const uint8_t *pixel = ds.pixels + i * (size_t)ds.c;
        bool *out = *redraw + i * (size_t)channels;
        int level = 0;
        for (int k = 0; k < ds.c; k++) level = UM_MAX(level, pixel[k]);
        white += level >= 128;
        for (int k = 0; k < channels; k++) out[k] = level >= 128;
    }
    um_dataset_close(&ds);
    if (status == UM_OK && white == 0)
        status = um_fail(ctx, UM_BAD_ARG, "%s has no white at %d x %d: nothing is to be drawn anew "
                         "(white where it is)", path, size.h, size.w);
    if (status != UM_OK) um_free(ctx, *redraw), *redraw = NULL;
    return status;
}
