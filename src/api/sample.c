/* SPDX-License-Identifier: MIT
 * sample.c - from a model and settings to images, and what they came from. */
#include "api/handles.h"
#include "api/images.h"

#include "tensor/kernels/kernels.h"

#include <stdio.h>
#include <string.h>

/* Where nobody says what the second half of the channels is, the network itself does. */
static um_status hear_network(const um_model *m, um_config *c)
{
    const um_origin origin = { UM_FROM_TRAINING, m->folder, 0 };
    if (!um_unet_learns_variance(um_unet_configuration(m->unet)) ||
        um_scheduler_json_get(&m->scheduler, "variance_type"))
        return UM_OK;
    return um_config_offer(m->ctx, c, "diffusion", "variance", "learned_range", &origin);
}

/* A copy of the settings that has heard the model's scheduler; its texts are still those of `s` but
 * for new ones. */
static um_status adopted(um_model *m, const um_settings *s, um_config *copy)
{
    *copy = s->config;
    copy->texts = (um_arena){ .ctx = m->ctx };
    um_status status = um_config_adopt(m->ctx, copy, &m->scheduler);
    if (status == UM_OK) status = hear_network(m, copy);
    if (status == UM_OK) {
        status = um_config_check(m->ctx, copy);
        /* an error may name a value that the caller never gave */
        if (status != UM_OK) um_config_tell_overruled(m->ctx, &s->config, copy);
    }
    if (status != UM_OK) um_arena_free(&copy->texts);
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

um_status um_model_adopted(um_model *m, const um_settings *s, um_config *copy, um_size *size)
{
    UM_TRY(adopted(m, s, copy));
    const um_status status = size_of(m, copy, size);
    if (status != UM_OK) um_arena_free(&copy->texts);
    return status;
}

/* What the images came from, as an INI text: the settings that drawing reads, every key. */
static um_status write_settings(um_ctx *ctx, const um_config *c, bool edited, um_text *out)
{
    const char *section = "";
    for (int i = 0; i < UM_CONFIG_COUNT; i++) {
        const um_setting *s = &um_config_settings[i];
        um_text value = { .ctx = ctx };
        char name[128];
        if (strcmp(s->section, "diffusion") != 0 && strcmp(s->section, "sample") != 0 &&
            !(edited && strcmp(s->section, "edit") == 0))
            continue;
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

um_status um_note_origin(um_images *images, const um_config *c, const char *model, bool edited)
{
    um_ctx *ctx = images->ctx;
    um_text text = { .ctx = ctx };
    um_status status = write_settings(ctx, c, edited, &text);
    if (status == UM_OK) status = um_images_note(images, "Software", "unmist " UM_VERSION);
    if (status == UM_OK) status = um_images_note(images, "unmist.model", model);
    if (status == UM_OK) status = um_images_note(images, "unmist.kernels", ctx->kernels->isa);
    if (status == UM_OK) status = um_images_note(images, "unmist.settings", text.data);
    um_text_free(&text);
    return status;
}

um_status um_images_check(um_model *m, um_settings *s, const char *path)
{
    um_config c;
    um_size size;
    um_need need;
    UM_TRY(um_images_check_place(m->ctx, s->config.sample_format, path));
    UM_TRY(um_model_adopted(m, s, &c, &size));
    um_status status = um_draw_check(m->ctx, m->unet, &c, size.h, size.w, path, &need);
    if (status == UM_OK) status = um_need_check(m->ctx, &need);
    um_arena_free(&c.texts);
    return status;
}

um_status um_sample(um_model *m, um_settings *s, const um_sample_hooks *hooks, um_images **out)
{
    const double begun = um_seconds();
    um_config c;
    um_size size;
    *out = NULL;
    UM_TRY(um_apply_run_settings(m->ctx, &s->config));
    UM_TRY(um_model_adopted(m, s, &c, &size));
    um_config_tell_overruled(m->ctx, &s->config, &c);
    um_status status = um_budget_keep(m, s, &c, size, begun, hooks);
    if (status == UM_OK) status = um_draw(m->ctx, m->unet, &c, size.h, size.w, hooks, out);
    if (status == UM_OK) status = um_note_origin(*out, &c, m->folder, false);
    if (status != UM_OK) um_images_close(out);
    um_arena_free(&c.texts);
    return status;
}

bool um_sampler_describe(int i, um_sampler_facts *out)
{
    int count = 0;
    while (um_samplers[count]) count++;
    if (i < 0 || i >= count) return false;
    const um_sampler *s = um_samplers[i];
    *out = (um_sampler_facts){ s->name, s->help, s->class_name, s->defaults.steps, s->model_calls };
    return true;
}

static void add_line(void *user, const char *line) { um_text_add(user, "%s", line); }

um_status um_sample_explain(um_model *m, um_settings *s, char **out)
{
    const double begun = um_seconds();
    um_config c;
    um_size size = { 0 };
    um_plan plan;
    um_text text = { .ctx = m->ctx };
    *out = NULL;
    UM_TRY(adopted(m, s, &c));
    um_config_tell_overruled(m->ctx, &s->config, &c);
    um_status status = c.sample_budget > 0 ? size_of(m, &c, &size) : UM_OK;
    if (status == UM_OK) status = um_budget_keep(m, s, &c, size, begun, NULL);
    if (status == UM_OK) status = um_plan_from_config(m->ctx, &c, &plan);
    if (status == UM_OK) {
        const int steps = plan.row[plan.rows - 1].step + 1;
        if (!plan.settings.sampler->explain)
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
