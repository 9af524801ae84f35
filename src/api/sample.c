/* SPDX-License-Identifier: MIT
 * sample.c - from settings and a network to images. */
#include "api/handles.h"
#include "api/images.h"

#include "sample/guidance.h"
#include "sample/unet_denoiser.h"
#include "tensor/kernels/kernels.h"

#include <stdio.h>
#include <string.h>

/* The driver's views become frames. */
static void keep_frame(void *user, const um_sample_view *view)
{
    um_images *m = user;
    um_filmstrip *f = &m->film;
    const size_t image = (size_t)m->h * (size_t)m->w * (size_t)m->c,
                 bytes = (size_t)view->n * image * sizeof *m->x;
    const int row = view->index;
    int k = 0;
    while (k < f->frames && f->row[k] != row) k++;
    if (k == f->room) return;
    if (k == f->frames) f->row[f->frames++] = row;
    const size_t at = ((size_t)k * (size_t)m->n + (size_t)view->first) * image;
    memcpy(f->x + at, view->x, bytes);
    memcpy(f->x0 + at, view->x0, bytes);
}

/* Every trajectory-th row, and the last. */
static int frames_of(const um_plan *plan, const um_config *c)
{
    const int last = plan->rows - 1, every = c->sample_trajectory;
    return every ? last / every + 1 + (last % every != 0) : 0;
}

/* Classes that the network can be asked for, the null class among them; 0: it takes none. */
static int classes_of(const um_unet_config *u)
{
    if (u->class_embed_type == UM_CLASS_NONE) return 0;
    return u->num_class_embeds ? u->num_class_embeds : 1;
}

static um_status check_network(um_ctx *ctx, const um_unet_config *u, const um_config *c)
{
    const um_ints *asked = &c->sample_classes;
    const int classes = classes_of(u);
    if (u->in_channels != u->out_channels)
        return um_fail(
            ctx, UM_BAD_ARG,
            "the model has %d channels in and %d out: it predicts more than the noise, which "
            "no sampler here reads (as many out as in)",
            u->in_channels, u->out_channels);
    if (u->class_embed_type == UM_CLASS_IDENTITY)
        return um_fail(ctx, UM_BAD_ARG,
                       "class_embed_type = identity: the model takes embeddings, and samplers have "
                       "numbers of classes alone (null, or a table of classes)");
    if (asked->n && !classes)
        return um_fail(ctx, UM_BAD_ARG, "sample.classes is set, but the model knows no classes "
                       "(sample.classes = none)");
    for (int i = 0; i < asked->n; i++)
        if (asked->v[i] >= classes)
            return um_fail(ctx, UM_BAD_ARG, "sample.classes = %d: the model has classes 0 to %d%s",
                           asked->v[i], classes - 1, u->null_class ? ", the last for none" : "");
    if (c->sample_guidance != 1.0 && !u->null_class)
        return um_fail(ctx, UM_BAD_ARG, "sample.guidance = %g, but the model has no null class to "
                       "be guided away from (1, or a model of train.label_dropout)",
                       c->sample_guidance);
    return UM_OK;
}

/* Classes of the images: those of sample.classes in turn, or all in turn but the null class. */
static um_status label_images(um_ctx *ctx, const um_config *c, int classes, int **labels)
{
    const um_ints *asked = &c->sample_classes;
    *labels = NULL;
    if (!classes) return UM_OK;
    UM_TRY(um_alloc(ctx, labels, (size_t)c->sample_count, sizeof **labels, "classes"));
    for (int i = 0; i < c->sample_count; i++)
        (*labels)[i] = asked->n ? asked->v[i % asked->n] : i % classes;
    return UM_OK;
}

static um_status run(um_ctx *ctx, um_unet *unet, const um_plan *plan, const um_config *c,
                     const int *labels, const um_sample_hooks *hooks, um_images *m)
{
    um_unet_denoiser d;
    um_unet_denoiser_init(&d, ctx, unet, m->h, m->w);
    d.check_nan = c->run_check_nan;
    d.precision = plan->settings.precision;
    const um_denoiser network = um_denoiser_from_unet(&d);
    um_guidance guidance;
    um_guidance_init(&guidance, ctx, &network, &plan->settings.guidance,
                     um_unet_classes(um_unet_configuration(unet)), c->diffusion_timesteps,
                     (size_t)m->h * (size_t)m->w * (size_t)m->c);
    const um_denoiser model = um_guidance_is_on(&plan->settings.guidance)
                                  ? um_denoiser_from_guidance(&guidance)
                                  : network;
    const um_sample_request request = {
        .h = m->h, .w = m->w, .c = m->c, .count = m->n, .batch = c->sample_batch, .labels = labels,
        .progress = hooks ? hooks->progress : NULL, .progress_user = hooks ? hooks->user : NULL,
        .trajectory = c->sample_trajectory ? keep_frame : NULL, .trajectory_user = m,
        .trajectory_every = c->sample_trajectory,
    };
    const um_status status = um_sample_run(ctx, plan, &model, &request, m->x);
    um_guidance_free(&guidance);
    um_unet_denoiser_free(&d);
    return status;
}

static um_status plan_of(um_ctx *ctx, const um_config *c, um_plan *plan)
{
    um_sample_settings settings;
    um_schedule schedule;
    UM_TRY(um_sample_settings_from_config(ctx, c, &settings));
    UM_TRY(um_schedule_from_config(ctx, c, &schedule));
    const um_status status = um_plan_init(ctx, plan, &settings, &schedule);
    um_schedule_free(ctx, &schedule);
    return status;
}

static um_status draw_planned(um_ctx *ctx, um_unet *unet, const um_plan *plan, const um_config *c,
                              int h, int w, const um_sample_hooks *hooks, um_images **out)
{
    const um_unet_config *u = um_unet_configuration(unet);
    um_images *m;
    int *labels;
    UM_TRY(check_network(ctx, u, c));
    UM_TRY(um_images_open(&m, ctx, c->sample_count, h, w, u->in_channels, frames_of(plan, c)));
    m->columns = c->sample_columns;
    memcpy(m->format, c->sample_format, sizeof m->format - 1);
    um_status status = label_images(ctx, c, classes_of(u) - u->null_class, &labels);
    if (status == UM_OK) status = run(ctx, unet, plan, c, labels, hooks, m);
    um_free(ctx, labels);
    if (status == UM_OK) *out = m;
    else um_images_close(&m);
    return status;
}

um_status um_draw(um_ctx *ctx, um_unet *unet, const um_config *config, int h, int w,
                  const um_sample_hooks *hooks, um_images **out)
{
    um_plan plan;
    *out = NULL;
    UM_TRY(plan_of(ctx, config, &plan));
    const um_status status = draw_planned(ctx, unet, &plan, config, h, w, hooks, out);
    um_plan_free(ctx, &plan);
    return status;
}

um_status um_draw_check(um_ctx *ctx, um_unet *unet, const um_config *config, int h, int w,
                        const char *path)
{
    um_plan plan;
    UM_TRY(check_network(ctx, um_unet_configuration(unet), config));
    UM_TRY(plan_of(ctx, config, &plan));
    const um_status status =
        um_images_check_size(ctx, config->sample_format, path, config->sample_count, h, w,
                             config->sample_columns, frames_of(&plan, config));
    um_plan_free(ctx, &plan);
    return status;
}

/* A copy of the settings that has heard the model's scheduler; its texts are still those of `s` but
 * for new ones. */
static um_status adopted(um_model *m, const um_settings *s, um_config *copy)
{
    *copy = s->config;
    copy->texts = (um_arena){ .ctx = m->ctx };
    um_status status = um_config_adopt(m->ctx, copy, &m->scheduler);
    if (status == UM_OK) {
        status = um_config_check(m->ctx, copy);
        /* an error may name a value that the caller never gave */
        if (status != UM_OK) um_config_tell_overruled(m->ctx, &s->config, copy);
    }
    if (status != UM_OK) um_arena_free(&copy->texts);
    return status;
}

/* What the images came from, as an INI text: the settings that drawing reads, every key. */
static um_status write_settings(um_ctx *ctx, const um_config *c, um_text *out)
{
    const char *section = "";
    for (int i = 0; i < UM_CONFIG_COUNT; i++) {
        const um_setting *s = &um_config_settings[i];
        um_text value = { .ctx = ctx };
        char name[128];
        if (strcmp(s->section, "diffusion") != 0 && strcmp(s->section, "sample") != 0) continue;
        if (strcmp(section, s->section) != 0) um_text_add(out, "[%s]\n", s->section);
        section = s->section;
        snprintf(name, sizeof name, "%s.%s", s->section, s->key);
        const um_status status = um_config_get(ctx, c, name, &value);
        if (status == UM_OK) um_text_add(out, "%s = %s\n", s->key, value.data);
        um_text_free(&value);
        UM_TRY(status);
    }
    return out->status;
}

um_status um_note_origin(um_images *images, const um_config *c, const char *model)
{
    um_ctx *ctx = images->ctx;
    um_text text = { .ctx = ctx };
    um_status status = write_settings(ctx, c, &text);
    if (status == UM_OK) status = um_images_note(images, "Software", "unmist " UM_VERSION);
    if (status == UM_OK) status = um_images_note(images, "unmist.model", model);
    if (status == UM_OK) status = um_images_note(images, "unmist.kernels", ctx->kernels->isa);
    if (status == UM_OK) status = um_images_note(images, "unmist.settings", text.data);
    um_text_free(&text);
    return status;
}

/* The size of the images to draw. */
static um_status size_of(const um_model *m, const um_config *c, um_size *size)
{
    const um_unet_config *u = um_unet_configuration(m->unet);
    *size = c->data_image_size.h ? c->data_image_size : (um_size){ u->sample_h, u->sample_w };
    if (!size->h)
        return um_fail(m->ctx, UM_BAD_ARG,
                       "the model does not say its image size (give data.image_size)");
    return um_unet_size_check(m->ctx, u, size->h, size->w);
}

um_status um_images_check(um_model *m, um_settings *s, const char *path)
{
    um_config c;
    um_size size;
    UM_TRY(um_images_check_place(m->ctx, s->config.sample_format, path));
    UM_TRY(adopted(m, s, &c));
    um_status status = size_of(m, &c, &size);
    if (status == UM_OK) status = um_draw_check(m->ctx, m->unet, &c, size.h, size.w, path);
    um_arena_free(&c.texts);
    return status;
}

um_status um_sample(um_model *m, um_settings *s, const um_sample_hooks *hooks, um_images **out)
{
    um_config c;
    um_size size;
    *out = NULL;
    UM_TRY(um_apply_run_settings(m->ctx, &s->config));
    UM_TRY(adopted(m, s, &c));
    um_config_tell_overruled(m->ctx, &s->config, &c);
    um_status status = size_of(m, &c, &size);
    if (status == UM_OK) status = um_draw(m->ctx, m->unet, &c, size.h, size.w, hooks, out);
    if (status == UM_OK) status = um_note_origin(*out, &c, m->folder);
    if (status != UM_OK) um_images_close(out);
    um_arena_free(&c.texts);
    return status;
}

static void add_line(void *user, const char *line) { um_text_add(user, "%s", line); }

um_status um_sample_explain(um_model *m, um_settings *s, char **out)
{
    um_config c;
    um_plan plan;
    um_text text = { .ctx = m->ctx };
    *out = NULL;
    UM_TRY(adopted(m, s, &c));
    um_config_tell_overruled(m->ctx, &s->config, &c);
    um_status status = plan_of(m->ctx, &c, &plan);
    if (status == UM_OK) {
        const int steps = plan.row[plan.rows - 1].step + 1;
        um_text_add(&text, "%s: %d step%s through %d timesteps\n", c.sample_sampler, steps,
                    steps == 1 ? "" : "s", c.diffusion_timesteps);
        um_plan_explain(&plan, add_line, &text);
        status = text.status;
        um_plan_free(m->ctx, &plan);
    }
    if (status == UM_OK) *out = text.data;
    else um_text_free(&text);
    um_arena_free(&c.texts);
    return status;
}
