/* SPDX-License-Identifier: MIT
 * check.c - the rules that bind several settings together. What depends on the images (their size,
 * their classes) is checked where they are known. */
#include "config/config.h"

#include <string.h>

/* Put the place of the setting to blame before the recorded message: of two that do not fit the
 * command line's, which has no place, else the first that stands in a file. Two facts of a model
 * are a broken model. */
static um_status blame(um_ctx *ctx, const um_config *c, int one, int other)
{
    const um_source first = c->origin[one].source, second = c->origin[other].source;
    if (first == second && (first == UM_FROM_TRAINING || first == UM_FROM_MODEL))
        return um_fail_at(ctx, UM_BAD_FILE, "%s", c->origin[one].file);
    if (first == UM_FROM_COMMAND || second == UM_FROM_COMMAND) return UM_BAD_ARG;
    return um_config_fail_at(ctx, c, UM_BAD_ARG, first == UM_FROM_FILE ? one : other);
}

static um_status check_model(um_ctx *ctx, const um_config *c)
{
    const um_ints *channels = &c->model_channels;
    if (channels->n == 0)
        return um_fail(ctx, UM_BAD_ARG, "model.channels = none (one entry a level, as 64,128,128)"),
               blame(ctx, c, UM_KEY_model_channels, UM_KEY_model_channels);
    for (int i = 0; i < channels->n; i++)
        if (channels->v[i] % c->model_groups != 0)
            return um_fail(ctx, UM_BAD_ARG,
                           "model.channels has %d, which model.groups = %d does not divide "
                           "(groups that divide every entry)", channels->v[i], c->model_groups),
                   blame(ctx, c, UM_KEY_model_groups, UM_KEY_model_channels);
    const int last = channels->v[channels->n - 1], head = c->model_head_dim;
    if (c->model_mid_attention && head > 0 && head < last && last % head != 0)
        return um_fail(ctx, UM_BAD_ARG,
                       "model.head_dim = %d does not divide the %d channels of the middle "
                       "(a divisor, or 0: one head)", head, last),
               blame(ctx, c, UM_KEY_model_head_dim, UM_KEY_model_channels);
    return UM_OK;
}

/* A file or a model is taken instead of [model]: a key given beside it would do nothing. */
static um_status check_model_taken(um_ctx *ctx, const um_config *c, int from, const char *path)
{
    const um_setting *instead = &um_config_settings[from];
    for (int i = 0; i < UM_CONFIG_COUNT; i++) {
        const um_setting *s = &um_config_settings[i];
        if (i == from || strcmp(s->section, "model") != 0) continue;
        if (c->origin[i].source == UM_FROM_COMMAND)
            return um_fail(ctx, UM_BAD_ARG,
                           "model.%s does nothing beside %s.%s = %s (one of the two)", s->key,
                           instead->section, instead->key, path);
    }
    return UM_OK;
}

static um_status check_network(um_ctx *ctx, const um_config *c)
{
    if (*c->train_init) return check_model_taken(ctx, c, UM_KEY_train_init, c->train_init);
    if (*c->model_config) return check_model_taken(ctx, c, UM_KEY_model_config, c->model_config);
    return check_model(ctx, c);
}

static um_status check_data(um_ctx *ctx, const um_config *c)
{
    const int n = c->data_background.n;
    if (n != 1 && n != 3)
        return um_fail(ctx, UM_BAD_ARG, "data.background has %d values (1: gray, or 3: "
                       "red,green,blue)", n),
               blame(ctx, c, UM_KEY_data_background, UM_KEY_data_background);
    const um_size size = c->data_image_size;
    if (size.h > 0 && UM_MIN(size.h, size.w) <= 2 * c->data_pad)
        return um_fail(ctx, UM_BAD_ARG, "data.pad = %d leaves nothing of data.image_size = %dx%d "
                       "(less than half of the smaller side)", c->data_pad, size.h, size.w),
               blame(ctx, c, UM_KEY_data_pad, UM_KEY_data_image_size);
    return UM_OK;
}

static um_status check_diffusion(um_ctx *ctx, const um_config *c)
{
    if (strcmp(c->diffusion_schedule, "cosine") != 0 &&
        c->diffusion_beta_start > c->diffusion_beta_end)
        return um_fail(ctx, UM_BAD_ARG,
                       "diffusion.beta_start = %g is above diffusion.beta_end = %g "
                       "(noise grows: beta_start <= beta_end)",
                       c->diffusion_beta_start, c->diffusion_beta_end),
               blame(ctx, c, UM_KEY_diffusion_beta_start, UM_KEY_diffusion_beta_end);
    if (c->diffusion_rescale_betas_zero_snr &&
        strcmp(c->diffusion_prediction_type, "epsilon") == 0)
        return um_fail(ctx, UM_BAD_ARG,
                       "diffusion.rescale_betas_zero_snr with diffusion.prediction_type = epsilon: "
                       "at the last timestep the noise is all that is seen, and says nothing of "
                       "the image (v_prediction)"),
               blame(ctx, c, UM_KEY_diffusion_rescale_betas_zero_snr,
                     UM_KEY_diffusion_prediction_type);
    if (c->diffusion_rescale_betas_zero_snr && c->diffusion_timesteps < 2)
        return um_fail(ctx, UM_BAD_ARG,
                       "diffusion.rescale_betas_zero_snr with diffusion.timesteps = %d (2 or more)",
                       c->diffusion_timesteps),
               blame(ctx, c, UM_KEY_diffusion_rescale_betas_zero_snr,
                     UM_KEY_diffusion_timesteps);
    return UM_OK;
}

static um_status check_train(um_ctx *ctx, const um_config *c)
{
    if (c->train_accumulate && c->train_batch % c->train_accumulate != 0)
        return um_fail(ctx, UM_BAD_ARG,
                       "train.accumulate = %d does not divide train.batch = %d (equal parts)",
                       c->train_accumulate, c->train_batch),
               blame(ctx, c, UM_KEY_train_accumulate, UM_KEY_train_batch);
    if (c->train_label_dropout > 0 && !c->model_class_conditional && !*c->train_init &&
        !*c->model_config)
        return um_fail(ctx, UM_BAD_ARG,
                       "train.label_dropout = %g, but the network is shown no classes "
                       "(model.class_conditional = true, or 0)", c->train_label_dropout),
               blame(ctx, c, UM_KEY_train_label_dropout, UM_KEY_model_class_conditional);
    return UM_OK;
}

/* What a classifier has no use for. */
static um_status check_classifier(um_ctx *ctx, const um_config *c)
{
    const struct {
        bool set;
        int key;
        const char *told;
    } rules[] = {
        { c->model_class_conditional, UM_KEY_model_class_conditional,
          "model.class_conditional = true (false: the class is what it is asked for)" },
        { c->train_label_dropout > 0, UM_KEY_train_label_dropout, "train.label_dropout (0)" },
        { strcmp(c->diffusion_variance, "fixed") != 0, UM_KEY_diffusion_variance,
          "diffusion.variance = learned_range (fixed)" },
    };
    if (strcmp(c->train_task, "classifier") != 0) return UM_OK;
    for (size_t i = 0; i < UM_COUNT(rules); i++)
        if (rules[i].set)
            return um_fail(ctx, UM_BAD_ARG, "train.task = classifier with %s", rules[i].told),
                   blame(ctx, c, rules[i].key, UM_KEY_train_task);
    return UM_OK;
}

static um_status check_sample(um_ctx *ctx, const um_config *c)
{
    const int grids = c->sample_use_karras_sigmas + c->sample_use_exponential_sigmas +
                      c->sample_use_lu_lambdas;
    if (grids > 1)
        return um_fail(ctx, UM_BAD_ARG,
                       "more than one of sample.use_karras_sigmas, use_exponential_sigmas and "
                       "use_lu_lambdas (at most one grid)"),
               blame(ctx, c, UM_KEY_sample_use_karras_sigmas,
                     UM_KEY_sample_use_exponential_sigmas);
    if (c->sample_guidance_start > c->sample_guidance_end)
        return um_fail(ctx, UM_BAD_ARG,
                       "sample.guidance_start = %g is behind sample.guidance_end = %g (before it)",
                       c->sample_guidance_start, c->sample_guidance_end),
               blame(ctx, c, UM_KEY_sample_guidance_start, UM_KEY_sample_guidance_end);
    if (c->sample_budget > 0 && c->sample_steps > 0)
        return um_fail(ctx, UM_BAD_ARG,
                       "sample.steps = %d with sample.budget = %gs, which chooses the steps "
                       "(one of them)", c->sample_steps, c->sample_budget),
               blame(ctx, c, UM_KEY_sample_steps, UM_KEY_sample_budget);
    if (c->sample_steps > c->diffusion_timesteps)
        return um_fail(ctx, UM_BAD_ARG,
                       "sample.steps = %d is above diffusion.timesteps = %d (at most as many)",
                       c->sample_steps, c->diffusion_timesteps),
               blame(ctx, c, UM_KEY_sample_steps, UM_KEY_diffusion_timesteps);
    return UM_OK;
}

static um_status check_run(um_ctx *ctx, const um_config *c)
{
    const char *name = c->run_name;
    if (strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return um_fail(ctx, UM_BAD_ARG, "run.name = %.80s is not the name of a folder "
                       "(no slash; run.out says where)", name),
               blame(ctx, c, UM_KEY_run_name, UM_KEY_run_name);
    return UM_OK;
}

um_status um_config_check(um_ctx *ctx, const um_config *cfg)
{
    UM_TRY(check_run(ctx, cfg));
    UM_TRY(check_data(ctx, cfg));
    UM_TRY(check_network(ctx, cfg));
    UM_TRY(check_diffusion(ctx, cfg));
    UM_TRY(check_classifier(ctx, cfg));
    UM_TRY(check_train(ctx, cfg));
    return check_sample(ctx, cfg);
}
