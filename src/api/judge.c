/* SPDX-License-Identifier: MIT
 * judge.c - a second network beside the one that draws. */
#include "api/judge.h"

#include "io/unet_file.h"

#include <string.h>

static um_status load(um_judge *j, um_ctx *ctx, const char *path)
{
    um_model_folder folder;
    UM_TRY(um_model_folder_find(ctx, &folder, path, false));
    const um_status status = um_unet_file_load(&j->unet, ctx, folder.unet);
    um_model_folder_free(ctx, &folder);
    return status;
}

static um_status fit(um_judge *j, um_ctx *ctx, const um_config *c, const char *path, um_size size,
                     int channels)
{
    UM_TRY(load(j, ctx, path));
    UM_TRY(um_classifier_init(&j->classifier, ctx, j->unet, size.h, size.w));
    const int known = um_unet_configuration(j->unet)->in_channels;
    if (known != channels)
        return um_fail(ctx, UM_BAD_ARG, "it knows images of %d channels, and the model draws %d",
                       known, channels);
    return um_schedule_from_config(ctx, c, &j->schedule);
}

um_status um_judge_open(um_judge *j, um_ctx *ctx, const um_config *c, int key, um_size size,
                        int channels)
{
    const um_setting *s = &um_config_settings[key];
    const char *path = *(const char *const *)((const char *)c + s->offset);
    memset(j, 0, sizeof *j);
    if (!*path) return UM_OK;
    const um_status status = fit(j, ctx, c, path, size, channels);
    if (status == UM_OK) return UM_OK;
    um_judge_close(j, ctx);
    return um_fail_at(ctx, status, "%s.%s = %.200s", s->section, s->key, path);
}

void um_judge_close(um_judge *j, um_ctx *ctx)
{
    if (j->steering.ctx) um_steering_free(&j->steering);
    um_classifier_free(&j->classifier);
    um_schedule_free(ctx, &j->schedule);
    um_unet_close(&j->unet);
}

um_denoiser um_judge_steers(um_judge *j, um_ctx *ctx, const um_denoiser *model,
                            const um_plan *plan, const um_config *c)
{
    if (!j->unet) return *model;
    um_steering_init(&j->steering, ctx, model, &j->classifier, &j->schedule,
                     plan->settings.prediction, c->sample_classifier_scale);
    return um_denoiser_from_steering(&j->steering);
}

um_status um_judge_classes(um_ctx *ctx, const um_config *c, int *classes)
{
    um_judge j = { 0 };
    *classes = 0;
    if (!*c->sample_classifier) return UM_OK;
    const um_status status = load(&j, ctx, c->sample_classifier);
    if (status == UM_OK) *classes = um_unet_configuration(j.unet)->logits;
    um_judge_close(&j, ctx);
    return status;
}
