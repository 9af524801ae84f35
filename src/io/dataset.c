/* SPDX-License-Identifier: MIT
 * dataset.c - the table of formats, and opening through it. */
#include "io/dataset.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "io/dataset_build.h"
#include "io/path.h"

const um_dataset_format um_dataset_formats[] = {
    { "cifar10", "CIFAR-10, binary version: a folder or the .tar.gz", um_cifar10_probe,
      um_cifar10_load },
    { "cifar100", "CIFAR-100, binary version: a folder or the .tar.gz", um_cifar100_probe,
      um_cifar100_load },
    { "idx", "IDX as MNIST has it, plain or .gz: a folder or the images' file", um_idx_probe,
      um_idx_load },
    { "folder", "a folder of PNG and JPEG files; subfolders are classes", um_pictures_probe,
      um_pictures_load },
    { "png", "the PNG files alone of such a folder", NULL, um_pictures_load_png },
    { "jpeg", "the JPEG files alone of such a folder", NULL, um_pictures_load_jpeg },
};

const int um_dataset_format_count = UM_COUNT(um_dataset_formats);

/* "auto, cifar10, ..." */
static const char *format_names(char *out, size_t size)
{
    size_t used = (size_t)snprintf(out, size, "auto");
    for (int i = 0; i < um_dataset_format_count && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, ", %s", um_dataset_formats[i].name);
    return out;
}

static um_status find_format(um_ctx *ctx, const char *path, const char *name,
                             const um_dataset_format **out)
{
    char names[256];
    const bool any = !name || strcmp(name, "auto") == 0;
    for (int i = 0; i < um_dataset_format_count; i++) {
        const um_dataset_format *f = &um_dataset_formats[i];
        bool fits = !any && strcmp(name, f->name) == 0;
        if (any && f->probe) UM_TRY(f->probe(ctx, path, &fits));
        *out = f;
        if (fits) return UM_OK;
    }
    if (!any)
        return um_fail(ctx, UM_BAD_ARG, "data format '%s' is unknown (%s)", name,
                       format_names(names, sizeof names));
    return um_fail(ctx, UM_BAD_FILE,
                   "%s: no images of a known kind (CIFAR-10 or CIFAR-100 in the binary "
                   "version, IDX, or a folder of PNG or JPEG files)",
                   path);
}

static um_status check_options(um_ctx *ctx, const um_dataset_options *o)
{
    if (o->image_h < 0 || o->image_w < 0 || (o->image_h == 0) != (o->image_w == 0) ||
        o->image_h > UM_IMAGE_SIDE || o->image_w > UM_IMAGE_SIDE)
        return um_fail(ctx, UM_BAD_ARG, "image size %d x %d (from 1 to %d each, or 0 for both)",
                       o->image_h, o->image_w, (int)UM_IMAGE_SIDE);
    if (o->pad < 0 || o->pad > UM_IMAGE_SIDE / 4 ||
        (o->image_h && (2 * o->pad >= o->image_h || 2 * o->pad >= o->image_w)))
        return um_fail(ctx, UM_BAD_ARG, "a border of %d leaves no image", o->pad);
    if (o->limit < 0) return um_fail(ctx, UM_BAD_ARG, "limit of %d images (from 0 on)", o->limit);
    if (!(o->validation >= 0.0 && o->validation < 1.0))
        return um_fail(ctx, UM_BAD_ARG, "validation part %g (from 0 to below 1)", o->validation);
    return UM_OK;
}

/* What every format gets after its own loading. */
static um_status finish(um_dataset *ds, const um_dataset_options *o)
{
    if (o->limit) UM_TRY(um_dataset_thin(ds, o->limit));
    if (o->image_h) UM_TRY(um_dataset_fit(ds, o->image_h - 2 * o->pad, o->image_w - 2 * o->pad));
    if (o->pad) UM_TRY(um_dataset_border(ds, o->pad));
    if (ds->held == 0 && o->validation > 0.0) UM_TRY(um_dataset_hold_out(ds, o->validation));
    return UM_OK;
}

static um_status open_as(um_dataset *ds, um_ctx *ctx, const char *path,
                         const um_dataset_format *format, const um_dataset_options *o)
{
    ds->ctx = ctx;
    ds->format = format->name;
    um_status status = format->load(ctx, path, o, ds);
    if (status == UM_OK) status = finish(ds, o);
    if (status != UM_OK) um_dataset_close(ds);
    else um_log(ctx, UM_LOG_INFO, "%s: %s, %d images of %d x %d x %d, %d held out", path,
                ds->format, ds->count, ds->h, ds->w, ds->c, ds->held);
    return status;
}

um_status um_dataset_open(um_dataset *ds, um_ctx *ctx, const char *path,
                          const um_dataset_options *options)
{
    const um_dataset_options o = options ? *options : (um_dataset_options){ 0 };
    const um_dataset_format *format = NULL;
    *ds = (um_dataset){ 0 };
    UM_TRY(check_options(ctx, &o));
    if (!um_path_exists(path)) return um_fail(ctx, UM_BAD_FILE, "%s: %s", path, strerror(errno));
    UM_TRY(find_format(ctx, path, o.format, &format));
    return open_as(ds, ctx, path, format, &o);
}

um_status um_dataset_open_picture(um_dataset *ds, um_ctx *ctx, const char *path,
                                  const um_dataset_options *options)
{
    static const um_dataset_format picture = { "picture", "a PNG or JPEG file", NULL,
                                               um_picture_load };
    const um_dataset_options o = options ? *options : (um_dataset_options){ 0 };
    *ds = (um_dataset){ 0 };
    UM_TRY(check_options(ctx, &o));
    return open_as(ds, ctx, path, &picture, &o);
}

void um_dataset_close(um_dataset *ds)
{
    if (!ds->ctx) return;
    for (int i = 0; i < ds->classes && ds->class_names; i++) um_free(ds->ctx, ds->class_names[i]);
    um_free(ds->ctx, ds->class_names);
    um_free(ds->ctx, ds->labels);
    um_free(ds->ctx, ds->pixels);
    *ds = (um_dataset){ 0 };
}
