/* SPDX-License-Identifier: MIT
 * edit_plan.c - what is asked, checked before anything is drawn, and its way through the noise. */
#include "api/editing.h"

#include "sample/repaint.h"
#include "sample/sdedit.h"

#include <math.h>
#include <string.h>

size_t um_editing_image(const um_editing *e)
{
    return (size_t)e->size.h * (size_t)e->size.w * (size_t)e->channels;
}

static um_status check_images(const um_editing *e)
{
    const um_images *from = e->edit->images;
    const um_edit_mode mode = e->edit->mode;
    if (!from && mode != UM_EDIT_INTERPOLATE)
        return um_fail(e->ctx, UM_BAD_ARG, "no image to work on (a picture or a data set)");
    if (from && from->n < (mode == UM_EDIT_INTERPOLATE ? 2 : 1))
        return um_fail(e->ctx, UM_BAD_ARG, "%d image%s to %s (%s)", from->n,
                       from->n == 1 ? "" : "s",
                       mode == UM_EDIT_INTERPOLATE ? "interpolate between" : "work on",
                       mode == UM_EDIT_INTERPOLATE ? "two or more, or two seeds" : "one or more");
    if (from && (from->h != e->size.h || from->w != e->size.w || from->c != e->channels))
        return um_fail(e->ctx, UM_BAD_SHAPE, "images of %d x %d x %d for a model of %d x %d x %d",
                       from->h, from->w, from->c, e->size.h, e->size.w, e->channels);
    if (e->c.sample_trajectory)
        return um_fail(e->ctx, UM_BAD_ARG, "sample.trajectory = %d: an edit keeps no filmstrip of "
                       "its steps (0)", e->c.sample_trajectory);
    if (e->c.sample_budget > 0.0)
        return um_fail(e->ctx, UM_BAD_ARG, "sample.budget = %gs: an edit takes the time that its "
                       "steps take (0)", e->c.sample_budget);
    return UM_OK;
}

/* How many images come out, and how they lie. */
static um_status lay_out(um_editing *e)
{
    const um_images *from = e->edit->images;
    const int64_t given = from ? from->n : 0;
    int64_t n = given * e->copies;
    int columns = e->copies > 1 && given > 1 ? e->copies : 0;
    if (e->edit->mode == UM_EDIT_INTERPOLATE) {
        columns = e->c.edit_frames;
        n = (from ? given - 1 : e->copies) * columns;
    } else if (e->edit->mode == UM_EDIT_INVERT) {
        n = 2 * given;
        columns = 2 * (int)ceil(sqrt((double)given / 2.0)); /* about as wide as it is high */
    }
    if (n > INT32_MAX)
        return um_fail(e->ctx, UM_BAD_ARG, "%lld images come out, more than %d (a smaller "
                       "sample.count or edit.frames)", (long long)n, INT32_MAX);
    e->n = (int)n;
    e->columns = e->c.sample_columns ? e->c.sample_columns : columns;
    return UM_OK;
}

/* The class that the model is told for a source: an image, or a strip between seeds. */
static um_status label_of(const um_editing *e, int source, int *label)
{
    const um_unet_config *u = um_unet_configuration(e->m->unet);
    const um_ints *asked = &e->c.sample_classes;
    const um_images *from = e->edit->images;
    const int classes = UM_MAX(um_unet_classes(u), 1);
    *label = from && from->labels ? from->labels[source] : -1;
    if (!from) *label = source % classes;
    if (asked->n) *label = asked->v[source % asked->n];
    else if (*label < 0 && u->null_class) *label = classes;
    if (*label < 0)
        return um_fail(e->ctx, UM_BAD_ARG, "the model is class-conditional: say what the images "
                       "show (sample.classes = 3, or one class for each)");
    if (*label > classes - !u->null_class)
        return um_fail(e->ctx, UM_BAD_ARG, "image %d is of class %d, and the model has classes 0 "
                       "to %d (say what it shows with sample.classes)", source, *label,
                       classes - 1);
    return UM_OK;
}

static um_status label_sources(um_editing *e)
{
    const int n = e->edit->images ? e->edit->images->n : e->copies;
    if (um_unet_configuration(e->m->unet)->class_embed_type == UM_CLASS_NONE) return UM_OK;
    UM_TRY(um_alloc(e->ctx, &e->label, (size_t)n, sizeof *e->label, "classes"));
    for (int i = 0; i < n; i++) UM_TRY(label_of(e, i, &e->label[i]));
    return UM_OK;
}

/* The way back from a noise must not depend on what is drawn on it. */
static um_status check_deterministic(const um_editing *e)
{
    for (int i = 0; i < e->plan.rows; i++)
        if (um_row_is_noisy(&e->plan.row[i]))
            return um_fail(e->ctx, UM_BAD_ARG,
                           "sample.sampler = %s with these settings draws noise on its way, which "
                           "does not lead back to the same image (sample.sampler = ddim, "
                           "sample.eta = 0)", e->c.sample_sampler);
    return UM_OK;
}

static um_status plan_of(um_editing *e, const um_sample_settings *settings)
{
    const um_config *c = &e->c;
    if (settings->sampler->integrate)
        return um_fail(e->ctx, UM_BAD_ARG, "sample.sampler = %s chooses its steps as it goes, and "
                       "an edit needs them laid before (ddim)", c->sample_sampler);
    switch (e->edit->mode) {
    case UM_EDIT_INPAINT:
        if (!e->edit->mask)
            return um_fail(e->ctx, UM_BAD_ARG, "no mask (a picture, white where it is to be drawn "
                           "anew)");
        UM_TRY(um_edit_read_mask(e->ctx, c, e->size, e->channels, e->edit->mask, &e->redraw));
        return um_repaint_plan(e->ctx, &e->plan, settings, &e->schedule, c->edit_jump_length,
                               c->edit_resamples);
    case UM_EDIT_FROM_IMAGE:
        if (c->edit_strength == 0.0) return UM_OK;
        return um_sdedit_plan(e->ctx, &e->plan, settings, &e->schedule, c->edit_strength,
                              &e->from_noise);
    case UM_EDIT_INTERPOLATE:
    case UM_EDIT_INVERT:
        UM_TRY(um_plan_init(e->ctx, &e->plan, settings, &e->schedule));
        return check_deterministic(e);
    }
    return um_fail(e->ctx, UM_BAD_ARG, "no such edit: %d", (int)e->edit->mode);
}

/* Clipping cannot be undone: what goes through the noise and back is not clipped unless a file or
 * an assignment said so. */
static void spare_from_clipping(um_editing *e)
{
    const um_source said = e->c.origin[UM_KEY_sample_clip_sample].source;
    const bool inverts = e->edit->mode == UM_EDIT_INVERT ||
                         (e->edit->mode == UM_EDIT_INTERPOLATE && e->edit->images);
    if (inverts && said != UM_FROM_COMMAND && said != UM_FROM_FILE)
        strcpy(e->c.sample_clip_sample, "false");
}

static um_status settle(um_editing *e)
{
    um_sample_settings settings;
    e->channels = um_unet_configuration(e->m->unet)->in_channels;
    e->copies =
        e->c.origin[UM_KEY_sample_count].source == UM_FROM_DEFAULT ? 1 : e->c.sample_count;
    UM_TRY(um_draw_network_check(e->ctx, um_unet_configuration(e->m->unet), &e->c));
    UM_TRY(check_images(e));
    spare_from_clipping(e);
    UM_TRY(lay_out(e));
    UM_TRY(label_sources(e));
    UM_TRY(um_sample_settings_from_config(e->ctx, &e->c, &settings));
    UM_TRY(um_schedule_from_config(e->ctx, &e->c, &e->schedule));
    return plan_of(e, &settings);
}

um_status um_editing_init(um_editing *e, um_model *m, const um_settings *s, const um_edit *edit)
{
    *e = (um_editing){ .ctx = m->ctx, .m = m, .edit = edit };
    UM_TRY(um_model_adopted(m, s, &e->c, &e->size));
    return settle(e);
}

void um_editing_free(um_editing *e)
{
    um_plan_free(e->ctx, &e->plan);
    um_schedule_free(e->ctx, &e->schedule);
    um_free(e->ctx, e->label);
    um_free(e->ctx, e->redraw);
    um_arena_free(&e->c.texts);
    *e = (um_editing){ 0 };
}
