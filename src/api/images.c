/* SPDX-License-Identifier: MIT
 * images.c - images in memory with their notes. */
#include "api/images.h"

#include "base/text.h"

static um_status allocate(um_images *m, int frames)
{
    const size_t count = (size_t)m->n * (size_t)m->h * (size_t)m->w * (size_t)m->c;
    UM_TRY(um_alloc(m->ctx, &m->x, count, sizeof *m->x, "images"));
    if (frames == 0) return UM_OK;
    m->film.room = frames;
    UM_TRY(um_alloc(m->ctx, &m->film.row, (size_t)frames, sizeof *m->film.row, "a filmstrip"));
    UM_TRY(um_alloc(m->ctx, &m->film.x, count, (size_t)frames * sizeof *m->x, "a filmstrip"));
    return um_alloc(m->ctx, &m->film.x0, count, (size_t)frames * sizeof *m->x, "a filmstrip");
}

um_status um_images_open(um_images **out, um_ctx *ctx, int n, int h, int w, int c, int frames)
{
    UM_TRY(um_alloc(ctx, out, 1, sizeof **out, "images"));
    **out = (um_images){ .ctx = ctx, .n = n, .h = h, .w = w, .c = c };
    const um_status status = allocate(*out, frames);
    if (status != UM_OK) um_images_close(out);
    return status;
}

void um_images_close(um_images **images)
{
    um_images *m = *images;
    if (!m) return;
    for (int i = 0; i < m->notes; i++) {
        um_free(m->ctx, m->keys[i]);
        um_free(m->ctx, m->values[i]);
    }
    um_free(m->ctx, m->labels);
    um_free(m->ctx, m->film.row);
    um_free(m->ctx, m->film.x);
    um_free(m->ctx, m->film.x0);
    um_free(m->ctx, m->x);
    um_free(m->ctx, m);
    *images = NULL;
}

double um_images_steps(const um_images *images, double *rejected)
{
    *rejected = images->rejected;
    return images->steps;
}

const float *um_images_data(const um_images *images, int *n, int *h, int *w, int *c)
{
    *n = images->n;
    *h = images->h;
    *w = images->w;
    *c = images->c;
    return images->x;
}

um_status um_images_note(um_images *m, const char *key, const char *value)
{
    if (m->notes == UM_NOTES_MAX)
        return um_fail(m->ctx, UM_BAD_ARG, "more than %d notes for an image", UM_NOTES_MAX);
    um_text text = { .ctx = m->ctx };
    um_text_add_utf8(&text, value);
    if (text.status == UM_OK) text.status = um_strdup(m->ctx, &m->keys[m->notes], key);
    if (text.status == UM_OK) m->values[m->notes++] = text.data;
    else um_free(m->ctx, text.data);
    return text.status;
}
