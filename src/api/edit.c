/* SPDX-License-Identifier: MIT
 * edit.c - the edits themselves, each a request or two to the sampler. */
#include "api/editing.h"

#include "sample/interpolate.h"
#include "sample/inverse.h"

#include <math.h>
#include <string.h>

/* Draw images as `plan` says. source[i] is what image i comes from. */
static um_status draw(const um_editing *e, const um_plan *plan, const int *source,
                      um_sample_request request, float *out)
{
    int *labels = NULL;
    if (e->label)
        UM_TRY(um_alloc(e->ctx, &labels, (size_t)request.count, sizeof *labels, "classes"));
    for (int i = 0; labels && i < request.count; i++) labels[i] = e->label[source[i]];
    request.h = e->size.h, request.w = e->size.w, request.c = e->channels;
    request.batch = e->c.sample_batch;
    request.labels = labels;
    request.progress = e->hooks ? e->hooks->progress : NULL;
    request.progress_user = e->hooks ? e->hooks->user : NULL;
    const um_status status = um_draw_request(e->ctx, e->m->unet, plan, &e->c, &request, out);
    um_free(e->ctx, labels);
    return status;
}

/* What each edit needs while it runs: images as they were given (or in noise), and which. */
typedef struct work {
    um_arena arena;
    int *source;
    float *x;
    bool *redraw;
} work;

static um_status take(const um_editing *e, work *w, int n, bool masked)
{
    const size_t numbers = (size_t)n * um_editing_image(e);
    w->arena = (um_arena){ .ctx = e->ctx };
    w->source = um_arena_take(&w->arena, (size_t)n * sizeof *w->source);
    w->x = um_arena_take(&w->arena, numbers * sizeof *w->x);
    if (masked) w->redraw = um_arena_take(&w->arena, numbers * sizeof *w->redraw);
    return w->arena.status;
}

/* Each image `copies` times, its mask likewise. */
static void repeat(const um_editing *e, work *w, int copies, int n)
{
    const size_t image = um_editing_image(e);
    for (int i = 0; i < n; i++) {
        const size_t at = (size_t)i * image;
        w->source[i] = i / copies;
        memcpy(w->x + at, e->edit->images->x + (size_t)(i / copies) * image,
               image * sizeof *w->x);
        if (w->redraw) memcpy(w->redraw + at, e->redraw, image * sizeof *w->redraw);
    }
}

static um_status inpaint(um_editing *e, work *w, um_images *out, double *error)
{
    (void)error;
    UM_TRY(take(e, w, e->n, true));
    repeat(e, w, e->copies, e->n);
    const um_sample_request request = { .count = e->n, .known = w->x, .redraw = w->redraw };
    return draw(e, &e->plan, w->source, request, out->x);
}

static um_status from_image(um_editing *e, work *w, um_images *out, double *error)
{
    (void)error;
    UM_TRY(take(e, w, e->n, false));
    repeat(e, w, e->copies, e->n);
    if (e->plan.rows == 0) {
        memcpy(out->x, w->x, (size_t)e->n * um_editing_image(e) * sizeof *out->x);
        return UM_OK;
    }
    const um_sample_request request = { .count = e->n, .start = e->from_noise ? NULL : w->x };
    return draw(e, &e->plan, w->source, request, out->x);
}

/* The images' noises [n] into w->x; e->plan then starts from such. */
static um_status to_noise(um_editing *e, work *w)
{
    const um_images *from = e->edit->images;
    um_plan back;
    UM_TRY(take(e, w, from->n, false));
    repeat(e, w, 1, from->n);
    UM_TRY(um_inverse_plan(e->ctx, &back, &e->plan, &e->schedule, e->c.edit_corrections));
    const um_sample_request request = { .count = from->n, .start = from->x };
    const um_status status = draw(e, &back, w->source, request, w->x);
    um_plan_free(e->ctx, &back);
    e->plan.init_scale = 1.0 / um_plan_scale_at(&e->plan, e->plan.level[0].alpha_bar);
    return status;
}

static um_status invert(um_editing *e, work *w, um_images *out, double *error)
{
    const um_images *from = e->edit->images;
    const size_t image = um_editing_image(e), numbers = (size_t)from->n * image;
    double sum = 0.0;
    UM_TRY(to_noise(e, w));
    float *const again = out->x + numbers; /* the second half, spread out below */
    const um_sample_request request = { .count = from->n, .start = w->x };
    UM_TRY(draw(e, &e->plan, w->source, request, again));
    for (size_t k = 0; k < numbers; k++) sum += fabs((double)again[k] - (double)from->x[k]);
    if (error) *error = sum / (double)numbers;
    for (int i = 0; i < from->n; i++) {
        float *pair = out->x + 2 * (size_t)i * image;
        memmove(pair + image, again + (size_t)i * image, image * sizeof *pair);
        memcpy(pair, from->x + (size_t)i * image, image * sizeof *pair);
    }
    return UM_OK;
}

/* Both ends of each strip: [2][copies] noises of the two seeds, as sampling draws them. */
static um_status seeds_noise(um_editing *e, work *w)
{
    const int n = e->copies;
    const size_t numbers = (size_t)n * um_editing_image(e);
    UM_TRY(take(e, w, 2 * n, false));
    float *scratch = um_arena_take(&w->arena, numbers * sizeof *scratch);
    UM_TRY(w->arena.status);
    for (int end = 0; end < 2; end++) {
        um_noise_philox philox = { .seed = e->edit->seeds[end], .size = um_editing_image(e) };
        um_noise_torch torch = { .h = e->size.h, .w = e->size.w, .c = e->channels,
                                 .scratch = scratch };
        um_torch_random_init(&torch.generator, e->edit->seeds[end]);
        const um_noise noise = e->plan.settings.rng == UM_RNG_TORCH
                                   ? um_noise_from_torch(&torch)
                                   : um_noise_from_philox(&philox);
        noise.draw(noise.user, UM_NOISE_START, 0, n, w->x + (size_t)end * numbers);
    }
    return UM_OK;
}

/* Strip r of images leads from image r to the next; of seeds, from noise r of one to that of the
 * other. The label is that of the nearer end. */
static um_status interpolate(um_editing *e, work *w, um_images *out, double *error)
{
    (void)error;
    const bool images = e->edit->images != NULL;
    const int frames = e->c.edit_frames;
    const size_t image = um_editing_image(e);
    const bool spherical = strcmp(e->c.edit_path, "linear") != 0;
    work strip = { .arena.ctx = e->ctx };
    UM_TRY(images ? to_noise(e, w) : seeds_noise(e, w));
    um_status status = take(e, &strip, e->n, false);
    for (int i = 0; i < e->n && status == UM_OK; i++) {
        const int r = i / frames, frame = i % frames;
        const int other = images ? r + 1 : r + e->copies;
        strip.source[i] = images && 2 * frame >= frames ? other : r;
        um_interpolate(image, w->x + (size_t)r * image, w->x + (size_t)other * image,
                       (double)frame / (frames - 1), spherical, strip.x + (size_t)i * image);
    }
    const um_sample_request request = { .count = e->n, .start = strip.x };
    if (status == UM_OK) status = draw(e, &e->plan, strip.source, request, out->x);
    um_arena_free(&strip.arena);
    return status;
}

/* Steps of the sampler on the way to an image, those that inpainting walks again as often as they
 * are. Rows would be more: those that noise, and the stages of a step. */
static int steps_to_image(const um_plan *p)
{
    return p->rows ? p->row[p->rows - 1].step + 1 : 0;
}

typedef um_status edit_fn(um_editing *e, work *w, um_images *out, double *error);

static edit_fn *const edits[] = {
    [UM_EDIT_INPAINT] = inpaint,
    [UM_EDIT_FROM_IMAGE] = from_image,
    [UM_EDIT_INTERPOLATE] = interpolate,
    [UM_EDIT_INVERT] = invert,
};

static um_status run(um_editing *e, double *error, um_images **out)
{
    work w = { .arena.ctx = e->ctx };
    UM_TRY(um_images_open(out, e->ctx, e->n, e->size.h, e->size.w, e->channels, 0));
    (*out)->columns = e->columns;
    memcpy((*out)->format, e->c.sample_format, sizeof (*out)->format - 1);
    (*out)->steps = steps_to_image(&e->plan);
    const um_status status = edits[e->edit->mode](e, &w, *out, error);
    um_arena_free(&w.arena);
    return status;
}

um_status um_edit_run(um_model *m, um_settings *s, const um_edit *edit,
                      const um_sample_hooks *hooks, double *error, um_images **out)
{
    um_editing e;
    *out = NULL;
    UM_TRY(um_apply_run_settings(m->ctx, &s->config));
    um_status status = um_editing_init(&e, m, s, edit);
    e.hooks = hooks;
    if (status == UM_OK) {
        um_config_tell_overruled(m->ctx, &s->config, &e.c);
        status = run(&e, error, out);
    }
    if (status == UM_OK) status = um_note_origin(*out, &e.c, m->folder, true);
    if (status != UM_OK) um_images_close(out);
    um_editing_free(&e);
    return status;
}

um_status um_edit_check(um_model *m, um_settings *s, const um_edit *edit, const char *path)
{
    um_editing e;
    UM_TRY(um_images_check_place(m->ctx, s->config.sample_format, path));
    um_status status = um_editing_init(&e, m, s, edit);
    if (status == UM_OK)
        status = um_images_check_size(m->ctx, e.c.sample_format, path, e.n, e.size.h, e.size.w,
                                      e.columns, 0);
    um_editing_free(&e);
    return status;
}
