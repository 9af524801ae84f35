/* SPDX-License-Identifier: MIT
 * dataset_folder.c - folders of PNG and JPEG files. */
#include <string.h>

#include "io/dataset_build.h"
#include "io/file.h"
#include "io/folder_walk.h"
#include "io/jpeg.h"
#include "io/png.h"

enum { FILE_MOST = 256 << 20, ANY = UM_WALK_PNG | UM_WALK_JPEG };

um_status um_pictures_probe(um_ctx *ctx, const char *path, bool *fits)
{
    return um_walk_finds(ctx, path, ANY, fits);
}

/* Keep `limit` of the files to train on, before any is read. */
static void thin(um_walk *w, int limit)
{
    if (!limit || limit >= w->count) return;
    for (int i = 0; i < w->total - w->count + limit; i++) {
        const int from = i < limit ? um_dataset_spread(i, w->count, limit) : w->count + i - limit;
        w->paths[i] = w->paths[from];
        w->labels[i] = w->labels[from];
    }
    w->count = limit;
    w->total = limit + w->held;
}

/* One file, whatever its ending says, fitted to the size that is asked for. */
static um_status read_image(um_ctx *ctx, const char *path, const um_dataset_options *o,
                            um_image *out)
{
    um_bytes bytes;
    um_image raw;
    *out = (um_image){ 0 };
    UM_TRY(um_file_read(ctx, path, FILE_MOST, &bytes));
    const bool jpeg = bytes.size >= 2 && bytes.data[0] == 0xff && bytes.data[1] == 0xd8;
    um_status status = jpeg ? um_jpeg_decode(ctx, path, bytes, &raw)
                            : um_png_decode(ctx, path, bytes, o->background, &raw);
    um_free(ctx, bytes.data);
    if (status != UM_OK) return status;
    if (!o->image_h) {
        *out = raw;
        return UM_OK;
    }
    status = um_image_fit(ctx, &raw, o->image_h - 2 * o->pad, o->image_w - 2 * o->pad, out);
    um_image_free(ctx, &raw);
    return status;
}

/* Three equal channels for one. */
static void widen(const uint8_t *gray, size_t pixels, uint8_t *rgb)
{
    for (size_t i = 0; i < pixels; i++) rgb[3 * i] = rgb[3 * i + 1] = rgb[3 * i + 2] = gray[i];
}

/* The first RGB image after `done` gray ones: all become RGB. */
static um_status become_rgb(um_dataset *ds, int done)
{
    uint8_t *gray = ds->pixels, *rgb;
    const size_t total = (size_t)ds->count + (size_t)ds->held,
                 pixels = (size_t)ds->h * (size_t)ds->w;
    UM_TRY(um_alloc(ds->ctx, &rgb, total, 3 * pixels, "the images"));
    widen(gray, (size_t)done * pixels, rgb);
    um_free(ds->ctx, gray);
    ds->pixels = rgb;
    ds->c = 3;
    return UM_OK;
}

/* Image i of the set. Where a size is asked for, gray and RGB may stand side by side. */
static um_status take_image(um_dataset *ds, int i, const char *path, const um_image *image,
                            bool sized)
{
    if (image->h != ds->h || image->w != ds->w || (image->c != ds->c && !sized))
        return um_fail(ds->ctx, UM_BAD_FILE,
                       "%s: %d x %d with %d channel%s, those before it %d x %d with "
                       "%d (make them alike, or choose data.image_size)",
                       path, image->h, image->w, image->c, image->c == 1 ? "" : "s", ds->h, ds->w,
                       ds->c);
    if (image->c > ds->c) UM_TRY(become_rgb(ds, i));
    uint8_t *out = ds->pixels + (size_t)i * um_dataset_stride(ds);
    if (image->c < ds->c)
        widen(image->pixels, (size_t)ds->h * (size_t)ds->w, out);
    else
        memcpy(out, image->pixels, um_dataset_stride(ds));
    return UM_OK;
}

static um_status take_images(um_dataset *ds, const um_walk *w, const um_dataset_options *o)
{
    for (int i = 0; i < w->total; i++) {
        um_image image;
        UM_TRY(um_check_cancelled(ds->ctx));
        UM_TRY(read_image(ds->ctx, w->paths[i], o, &image));
        um_status status = UM_OK;
        if (i == 0)
            status = um_dataset_reserve(ds, w->count, w->held, image.h, image.w, image.c,
                                        w->class_count > 0);
        if (status == UM_OK) status = take_image(ds, i, w->paths[i], &image, o->image_h > 0);
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): both have labels, or none */
        if (status == UM_OK && ds->labels) ds->labels[i] = w->labels[i];
        um_image_free(ds->ctx, &image);
        UM_TRY(status);
    }
    return UM_OK;
}

static um_status take_classes(um_dataset *ds, const um_walk *w)
{
    if (w->class_count == 0) return UM_OK;
    UM_TRY(um_alloc(ds->ctx, &ds->class_names, (size_t)w->class_count, sizeof *ds->class_names,
                    "names of classes"));
    ds->classes = w->class_count;
    for (int i = 0; i < w->class_count; i++)
        UM_TRY(um_strdup(ds->ctx, &ds->class_names[i], w->classes[i]));
    return UM_OK;
}

static um_status load(um_ctx *ctx, const char *path, const um_dataset_options *options, int kinds,
                      um_dataset *out)
{
    um_walk w;
    UM_TRY(um_walk_folder(&w, ctx, path, kinds));
    thin(&w, options->limit);
    um_status status = take_classes(out, &w);
    if (status == UM_OK) status = take_images(out, &w, options);
    um_walk_free(&w);
    return status;
}

um_status um_pictures_load(um_ctx *ctx, const char *path, const um_dataset_options *options,
                           um_dataset *out)
{
    return load(ctx, path, options, ANY, out);
}

um_status um_pictures_load_png(um_ctx *ctx, const char *path, const um_dataset_options *options,
                               um_dataset *out)
{
    return load(ctx, path, options, UM_WALK_PNG, out);
}

um_status um_pictures_load_jpeg(um_ctx *ctx, const char *path, const um_dataset_options *options,
                                um_dataset *out)
{
    return load(ctx, path, options, UM_WALK_JPEG, out);
}

um_status um_picture_load(um_ctx *ctx, const char *path, const um_dataset_options *options,
                          um_dataset *out)
{
    const um_walk one = { .paths = &path, .total = 1, .count = 1 };
    (void)ctx;
    return take_images(out, &one, options);
}
