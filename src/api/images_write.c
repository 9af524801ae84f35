/* SPDX-License-Identifier: MIT
 * images_write.c - a grid, a filmstrip, single pictures, or raw numbers. */
#include "api/handles.h"
#include "api/images.h"
#include "api/output.h"

#include "io/folder.h"
#include "io/path.h"
#include "io/picture.h"
#include "io/safetensors_write.h"
#include "tensor/layout.h"

#include <stdio.h>
#include <string.h>

/* What a name asks for, unless sample.format overrules it. */
typedef enum shape_of_output { GRID, SINGLE, NUMBERS } shape_of_output;

static um_status shape_of(um_ctx *ctx, const char *format, const char *path, shape_of_output *out)
{
    static const char *const others[] = { ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif",
                                          ".tiff", ".npy", ".npz", ".pt" };
    *out = SINGLE;
    if (um_path_ends_with(path, ".safetensors")) *out = NUMBERS;
    else if (strcmp(format, "grid") == 0) *out = GRID;
    else if (strcmp(format, "single") != 0 && um_path_ends_with(path, ".png")) *out = GRID;
    for (size_t i = 0; i < UM_COUNT(others); i++)
        if (um_path_ends_with(path, others[i]))
            return um_fail(ctx, UM_BAD_ARG,
                           "%s: files of this kind are not written (NAME.png, NAME.safetensors or "
                           "a folder)", path);
    return UM_OK;
}

um_status um_images_check_place(um_ctx *ctx, const char *format, const char *path)
{
    shape_of_output shape;
    UM_TRY(shape_of(ctx, format, path, &shape));
    return um_output_check(ctx, path, shape == SINGLE ? UM_OUTPUT_FOLDER : UM_OUTPUT_FILE);
}

um_status um_images_check_size(um_ctx *ctx, const char *format, const char *path, int n, int h,
                               int w, int columns, int frames)
{
    shape_of_output shape;
    UM_TRY(shape_of(ctx, format, path, &shape));
    if (shape == GRID) UM_TRY(um_picture_check(ctx, n, h, w, columns));
    if (shape == NUMBERS || frames == 0) return UM_OK;
    const int rows = (int)UM_MIN(2 * (int64_t)n, UM_IMAGE_SIDE); /* more would be too many */
    const um_status status = um_picture_check(ctx, rows * UM_MIN(frames, UM_IMAGE_SIDE), h, w,
                                              UM_MIN(frames, UM_IMAGE_SIDE));
    return status == UM_OK ? UM_OK
                           : um_fail(ctx, status,
                                     "a filmstrip of %d images in %d frames is larger than %d "
                                     "pixels a side (a larger sample.trajectory, a smaller "
                                     "sample.count, or -o NAME.safetensors)",
                                     n, frames, (int)UM_IMAGE_SIDE);
}

typedef struct writer {
    um_images *m;
    void (*told)(void *user, const char *path);
    void *user;
} writer;

static void tell(const writer *w, const char *path)
{
    if (w->told) w->told(w->user, path);
}

static size_t image_count(const um_images *m) { return (size_t)m->h * (size_t)m->w * (size_t)m->c; }

/* n images at x as one picture. */
static um_status write_grid(const writer *w, const char *path, const float *x, int n, int columns)
{
    um_images *m = w->m;
    um_png_text texts[UM_NOTES_MAX];
    um_image picture = { 0 };
    for (int i = 0; i < m->notes; i++) texts[i] = (um_png_text){ m->keys[i], m->values[i] };
    um_status status = um_picture_grid(m->ctx, x, n, m->h, m->w, m->c, columns, &picture);
    if (status == UM_OK) status = um_png_write(m->ctx, path, &picture, texts, m->notes);
    um_image_free(m->ctx, &picture);
    if (status == UM_OK) tell(w, path);
    return status;
}

/* For each image a row of x_t over a row of the predictions of x0. */
static um_status write_filmstrip(const writer *w, const char *path)
{
    um_images *m = w->m;
    const um_filmstrip *f = &m->film;
    const size_t image = image_count(m), frames = (size_t)f->frames;
    float *rows;
    UM_TRY(um_alloc(m->ctx, &rows, 2 * frames * (size_t)m->n, image * sizeof *rows, "a filmstrip"));
    for (size_t i = 0; i < (size_t)m->n; i++)
        for (size_t k = 0; k < frames; k++) {
            const size_t from = (k * (size_t)m->n + i) * image;
            memcpy(rows + (2 * i * frames + k) * image, f->x + from, image * sizeof *rows);
            memcpy(rows + ((2 * i + 1) * frames + k) * image, f->x0 + from, image * sizeof *rows);
        }
    const um_status status = write_grid(w, path, rows, 2 * f->frames * m->n, f->frames);
    um_free(m->ctx, rows);
    return status;
}

/* `images` and, where frames were kept, `trajectory.x_t` and `trajectory.x0`, in files' order. */
static um_status write_numbers(const writer *w, const char *path)
{
    um_images *m = w->m;
    const um_filmstrip *f = &m->film;
    const int64_t shape[5] = { f->frames, m->n, m->c, m->h, m->w };
    const size_t count = (size_t)m->n * image_count(m), total = count * (1 + 2 * (size_t)f->frames);
    float *planes;
    UM_TRY(um_alloc(m->ctx, &planes, total, sizeof *planes, "images"));
    float *x = planes + count, *x0 = x + count * (size_t)f->frames;
    um_nhwc_to_nchw(m->n, m->h, m->w, m->c, m->x, planes);
    if (f->frames) {
        um_nhwc_to_nchw(m->n * f->frames, m->h, m->w, m->c, f->x, x);
        um_nhwc_to_nchw(m->n * f->frames, m->h, m->w, m->c, f->x0, x0);
    }
    um_tensors_out out;
    um_tensors_begin(&out, m->ctx);
    um_tensors_text(&out, "format", "pt");
    for (int i = 0; i < m->notes; i++) um_tensors_text(&out, m->keys[i], m->values[i]);
    um_tensors_floats(&out, "images", UM_STORED_F32, 4, shape + 1, planes);
    if (f->frames) {
        um_tensors_floats(&out, "trajectory.x_t", UM_STORED_F32, 5, shape, x);
        um_tensors_floats(&out, "trajectory.x0", UM_STORED_F32, 5, shape, x0);
    }
    const um_status status = um_tensors_commit(&out, path);
    um_free(m->ctx, planes);
    if (status == UM_OK) tell(w, path);
    return status;
}

static um_status write_single(const writer *w, const char *folder)
{
    um_images *m = w->m;
    UM_TRY(um_folder_make(m->ctx, folder));
    for (int i = 0; i < m->n; i++) {
        char name[32], *path;
        snprintf(name, sizeof name, "%06d.png", i);
        UM_TRY(um_path_join(m->ctx, &path, folder, name));
        const writer quiet = { m, NULL, NULL };
        const um_status status = write_grid(&quiet, path, m->x + (size_t)i * image_count(m), 1, 1);
        um_free(m->ctx, path);
        UM_TRY(status);
    }
    tell(w, folder);
    return UM_OK;
}

/* "a/b.png" -> "a/b-trajectory.png"; a folder's stands in it. */
static um_status film_path(um_ctx *ctx, const char *path, bool single, char **out)
{
    if (single) return um_path_join(ctx, out, path, "trajectory.png");
    const int stem = (int)strlen(path) - (um_path_ends_with(path, ".png") ? 4 : 0);
    char text[4096];
    snprintf(text, sizeof text, "%.*s-trajectory.png", stem, path);
    return um_strdup(ctx, out, text);
}

um_status um_images_write(um_images *images, const char *path,
                          void (*told)(void *user, const char *path), void *user)
{
    const writer w = { images, told, user };
    shape_of_output shape;
    UM_TRY(shape_of(images->ctx, images->format, path, &shape));
    UM_TRY(um_output_ready(images->ctx, path));
    if (shape == NUMBERS) return write_numbers(&w, path);
    UM_TRY(shape == SINGLE ? write_single(&w, path)
                           : write_grid(&w, path, images->x, images->n, images->columns));
    if (images->film.frames == 0) return UM_OK;
    char *film;
    UM_TRY(film_path(images->ctx, path, shape == SINGLE, &film));
    const um_status status = write_filmstrip(&w, film);
    um_free(images->ctx, film);
    return status;
}
