/* SPDX-License-Identifier: MIT
 * adopt.c - what a model's scheduler_config.json has to say, and writing it for a model of our
 * own. */
#include "api/handles.h"

#include <stdio.h>
#include <string.h>

/* diffusers' keys that say how the model was trained, and our settings. */
static const struct key {
    const char *name, *section, *key;
} facts[] = {
    { "num_train_timesteps", "diffusion", "timesteps" },
    { "beta_schedule", "diffusion", "schedule" },
    { "beta_start", "diffusion", "beta_start" },
    { "beta_end", "diffusion", "beta_end" },
    { "prediction_type", "diffusion", "prediction_type" },
}, options[] = {
    { "timestep_spacing", "sample", "timestep_spacing" },
    { "steps_offset", "sample", "steps_offset" },
    { "clip_sample", "sample", "clip_sample" },
    { "clip_sample_range", "sample", "clip_sample_range" },
    { "thresholding", "sample", "thresholding" },
    { "dynamic_thresholding_ratio", "sample", "dynamic_thresholding_ratio" },
    { "sample_max_value", "sample", "sample_max_value" },
    { "set_alpha_to_one", "sample", "set_alpha_to_one" },
    { "variance_type", "sample", "variance_type" },
};

/* diffusers' class of a sampler. */
static const struct {
    const char *class_name, *sampler;
} classes[] = {
    { "DDPMScheduler", "ddpm" },
    { "DDIMScheduler", "ddim" },
};

static um_status offer(um_ctx *ctx, um_config *c, const um_scheduler_json *scheduler,
                       const struct key *k, um_source source)
{
    const char *text = um_scheduler_json_get(scheduler, k->name);
    if (!text) return UM_OK;
    const um_origin origin = { source, "scheduler_config.json", 0 };
    const um_status status = um_config_offer(ctx, c, k->section, k->key, text, &origin);
    return status == UM_OK ? UM_OK
                           : um_fail_at(ctx, UM_BAD_FILE, "scheduler_config.json: %s", k->name);
}

um_status um_config_adopt(um_ctx *ctx, um_config *c, const um_scheduler_json *scheduler)
{
    if (!scheduler->class_name) return UM_OK;
    const char *zero = um_scheduler_json_get(scheduler, "rescale_betas_zero_snr");
    if (zero && strcmp(zero, "true") == 0)
        return um_fail(
            ctx, UM_BAD_FILE,
            "scheduler_config.json: rescale_betas_zero_snr = true is not supported (false)");
    for (size_t i = 0; i < UM_COUNT(facts); i++)
        UM_TRY(offer(ctx, c, scheduler, &facts[i], UM_FROM_TRAINING));
    for (size_t k = 0; k < UM_COUNT(classes); k++) {
        if (strcmp(classes[k].class_name, scheduler->class_name) != 0) continue;
        if (strcmp(classes[k].sampler, c->sample_sampler) != 0) continue;
        for (size_t i = 0; i < UM_COUNT(options); i++)
            UM_TRY(offer(ctx, c, scheduler, &options[i], UM_FROM_MODEL));
    }
    return UM_OK;
}

/* The names that diffusers has for our schedules; NULL where it has none. */
static const char *diffusers_schedule(const char *ours)
{
    if (strcmp(ours, "cosine") == 0) return "squaredcos_cap_v2";
    if (strcmp(ours, "quadratic") == 0) return "scaled_linear";
    return ours;
}

um_status um_scheduler_from_config(um_ctx *ctx, const um_config *c, um_scheduler_json *out)
{
    char number[64];
    UM_TRY(um_scheduler_json_begin(ctx, out, "DDPMScheduler"));
    snprintf(number, sizeof number, "%d", c->diffusion_timesteps);
    um_status status = um_scheduler_json_set(ctx, out, "num_train_timesteps", number);
    snprintf(number, sizeof number, "%.17g", c->diffusion_beta_start);
    if (status == UM_OK) status = um_scheduler_json_set(ctx, out, "beta_start", number);
    snprintf(number, sizeof number, "%.17g", c->diffusion_beta_end);
    if (status == UM_OK) status = um_scheduler_json_set(ctx, out, "beta_end", number);
    if (status == UM_OK)
        status = um_scheduler_json_set(ctx, out, "beta_schedule",
                                       diffusers_schedule(c->diffusion_schedule));
    if (status == UM_OK)
        status = um_scheduler_json_set(ctx, out, "prediction_type", c->diffusion_prediction_type);
    if (status == UM_OK) status = um_scheduler_json_set(ctx, out, "variance_type", "fixed_small");
    if (status == UM_OK) status = um_scheduler_json_set(ctx, out, "clip_sample", "true");
    if (status != UM_OK) um_scheduler_json_free(out);
    return status;
}
