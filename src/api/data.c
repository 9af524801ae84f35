/* SPDX-License-Identifier: MIT
 * data.c - a data set behind a handle, and its contact sheet. */
#include "api/handles.h"
#include "api/output.h"

#include "io/dataset.h"
#include "io/path.h"
#include "io/picture.h"
#include "io/png.h"

enum { SHEET_SIDE = 4096 }; /* pixels of a contact sheet, unless a single image has more */

um_dataset_options um_dataset_options_from_config(const um_config *c)
{
    um_dataset_options o = {
        .format = c->data_format, .image_h = c->data_image_size.h, .image_w = c->data_image_size.w,
        .pad = c->data_pad, .limit = c->data_limit, .validation = c->data_validation,
    };
    for (int i = 0; i < 3; i++) { /* one number is a gray */
        const int k = i < c->data_background.n ? i : c->data_background.n - 1;
        o.background[i] = k < 0 ? 0 : (uint8_t)c->data_background.v[k];
    }
    return o;
}

um_status um_data_open(um_dataset **d, um_settings *s, const char *path)
{
    const um_config *c = &s->config;
    um_ctx *ctx = s->ctx;
    const um_dataset_options options = um_dataset_options_from_config(c);
    *d = NULL;
    UM_TRY(um_config_check(ctx, c));
    UM_TRY(um_apply_run_settings(ctx, c));
    if (!path) path = c->data_path;
    if (!*path)
        return um_fail(ctx, UM_BAD_ARG, "data.path is not set (a folder or file of images)");
    um_dataset *fresh;
    UM_TRY(um_alloc(ctx, &fresh, 1, sizeof *fresh, "a data set"));
    const um_status status = um_dataset_open(fresh, ctx, path, &options);
    if (status == UM_OK) *d = fresh;
    else um_free(ctx, fresh);
    return status;
}

void um_data_close(um_dataset **d)
{
    if (!*d) return;
    um_ctx *ctx = (*d)->ctx;
    um_dataset_close(*d);
    um_free(ctx, *d);
    *d = NULL;
}

um_status um_data_describe(um_dataset *d, um_data_facts *out)
{
    um_dataset_summary summary;
    *out = (um_data_facts){ .format = d->format,
                            .count = d->count,
                            .held = d->held,
                            .h = d->h,
                            .w = d->w,
                            .c = d->c,
                            .classes = d->labels ? d->classes : 0 };
    UM_TRY(um_dataset_stats(d, &summary));
    for (int i = 0; i < UM_MIN(d->c, 16); i++) {
        out->mean[i] = summary.mean[i];
        out->deviation[i] = summary.deviation[i];
    }
    um_dataset_summary_free(d->ctx, &summary);
    return UM_OK;
}

bool um_data_class(um_dataset *d, int i, const char **name, int *count)
{
    if (!d->labels || i < 0 || i >= d->classes) return false;
    *name = d->class_names ? d->class_names[i] : "";
    *count = 0;
    for (int k = 0; k < d->count; k++) *count += d->labels[k] == i;
    return true;
}

/* The next training image from *at on with that label (-1: any), or -1. */
static int next_of(const um_dataset *set, int label, int *at)
{
    while (*at < set->count) {
        const int i = (*at)++;
        if (label < 0 || set->labels[i] == label) return i;
    }
    return -1;
}

um_status um_data_sheet(um_dataset *d, int count, int columns, const char *path)
{
    if (count < 1 || columns < 1)
        return um_fail(d->ctx, UM_BAD_ARG, "a contact sheet of %d images in %d columns", count,
                       columns);
    UM_TRY(um_output_check(d->ctx, path, UM_OUTPUT_FILE));
    if (!um_path_ends_with(path, ".png"))
        return um_fail(d->ctx, UM_BAD_ARG, "%s: a contact sheet is a PNG (NAME.png)", path);
    const int most_rows = UM_MAX(1, UM_MIN(count / columns, SHEET_SIDE / d->h));
    columns = UM_MAX(1, UM_MIN(columns, SHEET_SIDE / d->w));
    const int rows = d->labels ? UM_MIN(d->classes, most_rows) : 0;
    const int n = rows ? rows * columns : UM_MIN(UM_MIN(count, most_rows * columns), d->count);
    const size_t image = (size_t)d->h * (size_t)d->w * (size_t)d->c;
    float *x;
    UM_TRY(um_alloc(d->ctx, &x, (size_t)n * image, sizeof *x, "a contact sheet"));
    for (size_t i = 0; i < (size_t)n * image; i++) x[i] = -1; /* black where a class has too few */

    um_status status = UM_OK;
    for (int i = 0, at = 0; i < n && status == UM_OK; i++) {
        if (rows && i % columns == 0) at = 0;
        const int found = next_of(d, rows ? i / columns : -1, &at);
        const uint32_t index = (uint32_t)UM_MAX(found, 0);
        if (found >= 0) status = um_dataset_batch(d, &index, NULL, 1, x + (size_t)i * image, NULL);
    }
    um_image sheet = { 0 };
    if (status == UM_OK) status = um_picture_grid(d->ctx, x, n, d->h, d->w, d->c, columns, &sheet);
    if (status == UM_OK) status = um_output_ready(d->ctx, path);
    if (status == UM_OK) status = um_png_write(d->ctx, path, &sheet, NULL, 0);
    um_image_free(d->ctx, &sheet);
    um_free(d->ctx, x);
    return status;
}
