/* SPDX-License-Identifier: MIT
 * adopt.c - what a model's scheduler_config.json has to say, and writing it for a model of our
 * own. */
#include "api/handles.h"

#include <stdio.h>
#include <string.h>

/* diffusers' keys that say how the model was trained, and our settings; what diffusers takes where
 * the key is missing. The last two are ours: diffusers knows no cosine but its own, and passes over
 * keys that it does not know. */
static const struct key {
    const char *name, *section, *key, *otherwise;
} facts[] = {
    { "num_train_timesteps", "diffusion", "timesteps", "1000" },
    { "beta_schedule", "diffusion", "schedule", "linear" },
    { "beta_start", "diffusion", "beta_start", "0.0001" },
    { "beta_end", "diffusion", "beta_end", "0.02" },
    { "prediction_type", "diffusion", "prediction_type", "epsilon" },
    { "rescale_betas_zero_snr", "diffusion", "rescale_betas_zero_snr", "false" },
    { "cosine_s", "diffusion", "cosine_s", "0.008" },
    { "max_beta", "diffusion", "max_beta", "0.999" },
}, options[] = {
    { "timestep_spacing", "sample", "timestep_spacing", NULL },
    { "steps_offset", "sample", "steps_offset", NULL },
    { "clip_sample", "sample", "clip_sample", NULL },
    { "clip_sample_range", "sample", "clip_sample_range", NULL },
    { "thresholding", "sample", "thresholding", NULL },
    { "dynamic_thresholding_ratio", "sample", "dynamic_thresholding_ratio", NULL },
    { "sample_max_value", "sample", "sample_max_value", NULL },
    { "set_alpha_to_one", "sample", "set_alpha_to_one", NULL },
    { "variance_type", "sample", "variance_type", NULL },
    { "use_karras_sigmas", "sample", "use_karras_sigmas", NULL },
    { "use_exponential_sigmas", "sample", "use_exponential_sigmas", NULL },
    { "use_lu_lambdas", "sample", "use_lu_lambdas", NULL },
    { "final_sigmas_type", "sample", "final_sigmas_type", NULL },
    { "lambda_min_clipped", "sample", "lambda_min_clipped", NULL },
    { "solver_order", "sample", "solver_order", NULL },
    { "solver_type", "sample", "solver_type", NULL },
    { "algorithm_type", "sample", "algorithm_type", NULL },
    { "lower_order_final", "sample", "lower_order_final", NULL },
    { "euler_at_final", "sample", "euler_at_final", NULL },
    { "predict_x0", "sample", "predict_x0", NULL },
    { "disable_corrector", "sample", "disable_corrector", NULL },
    { "skip_prk_steps", "sample", "skip_prk_steps", NULL },
};

/* The classes that take other betas than the rest where the keys are missing. */
static const struct betas {
    const char *class_name, *beta_schedule, *beta_start, *beta_end;
} class_betas[] = {
    { "HeunDiscreteScheduler", "linear", "0.00085", "0.012" },
    { "KDPM2DiscreteScheduler", "linear", "0.00085", "0.012" },
    { "KDPM2AncestralDiscreteScheduler", "linear", "0.00085", "0.012" },
    { "DPMSolverSDEScheduler", "linear", "0.00085", "0.012" },
    { "LCMScheduler", "scaled_linear", "0.00085", "0.012" },
    { "TCDScheduler", "scaled_linear", "0.00085", "0.012" },
};

static const char *otherwise_of(const char *class_name, const struct key *k)
{
    for (size_t i = 0; i < UM_COUNT(class_betas); i++) {
        const struct betas *b = &class_betas[i];
        if (strcmp(b->class_name, class_name) != 0) continue;
        if (strcmp(k->name, "beta_schedule") == 0) return b->beta_schedule;
        if (strcmp(k->name, "beta_start") == 0) return b->beta_start;
        if (strcmp(k->name, "beta_end") == 0) return b->beta_end;
    }
    return k->otherwise;
}

/* Keys of diffusers' that say nothing to any sampler here as long as those of `missing` have their
 * one value, and keys of other classes, which a file made over keeps. */
static const char *const idle[] = {
    "trained_betas", "flow_shift", "time_shift_type", "rho", "sigma_data", "sigma_schedule",
    "noise_sampler_seed", "original_inference_steps", "timestep_scaling", "tensor_format",
    "timestep_values", "predict_epsilon",
};

/* Options of diffusers' that we do not have, and the one value (NULL: null) that asks for nothing.
 * Only the chosen sampler's own class is held to them. */
static const struct missing {
    const char *name, *value;
} missing[] = {
    { "use_beta_sigmas", "false" },  { "use_flow_sigmas", "false" },
    { "timestep_type", "discrete" }, { "interpolation_type", "linear" },
    { "sigma_min", NULL },           { "sigma_max", NULL },
    { "shift_terminal", NULL },      { "solver_p", NULL },
    { "use_dynamic_shifting", "false" },
};

static bool has(const struct key *keys, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(keys[i].name, name) == 0) return true;
    return false;
}

static bool is_known(const char *name)
{
    bool known = has(facts, UM_COUNT(facts), name) || has(options, UM_COUNT(options), name);
    for (size_t i = 0; i < UM_COUNT(idle); i++) known |= strcmp(idle[i], name) == 0;
    for (size_t i = 0; i < UM_COUNT(missing); i++) known |= strcmp(missing[i].name, name) == 0;
    return known;
}

static um_status check_options(um_ctx *ctx, const um_scheduler_json *scheduler)
{
    for (int i = 0; i < scheduler->count; i++)
        if (!is_known(scheduler->keys[i].name))
            return um_fail(ctx, UM_BAD_FILE, "%s: key '%s' is none of diffusers' schedulers'",
                           scheduler->path, scheduler->keys[i].name);
    for (size_t i = 0; i < UM_COUNT(missing); i++) {
        const char *is = um_scheduler_json_get(scheduler, missing[i].name);
        const char *value = missing[i].value ? missing[i].value : "null";
        if (is && strcmp(is, value) != 0)
            return um_fail(ctx, UM_BAD_FILE, "%s: %s = %s is not supported (%s)", scheduler->path,
                           missing[i].name, is, value);
    }
    return UM_OK;
}

static bool is_learned(const char *variance_type)
{
    return variance_type && strncmp(variance_type, "learned", 7) == 0;
}

/* null counts as not said, but for switches: to Python it is as good as False. */
static const char *text_of(const um_scheduler_json *scheduler, const struct key *k)
{
    static const char *const switches[] = { "clip_sample", "set_alpha_to_one", "lower_order_final",
                                            "predict_x0" };
    for (size_t i = 0; i < UM_COUNT(switches); i++)
        if (strcmp(switches[i], k->name) == 0 && um_scheduler_json_is_null(scheduler, k->name))
            return "false";
    return um_scheduler_json_get(scheduler, k->name);
}

/* diffusers' lambda_min_clipped is -Infinity where it clips nothing. */
static bool means_none(const struct key *k, const char *text)
{
    return strcmp(k->key, "lambda_min_clipped") == 0 && strcmp(text, "-Infinity") == 0;
}

/* What a setting does not take is the file's fault; want of memory is not. */
static um_status blame(um_ctx *ctx, um_status status, const um_scheduler_json *scheduler,
                       const char *name)
{
    if (status == UM_OK || status == UM_NO_MEMORY) return status;
    return um_fail_at(ctx, UM_BAD_FILE, "%s: %s", scheduler->path, name);
}

static um_status offer(um_ctx *ctx, um_config *c, const um_scheduler_json *scheduler,
                       const struct key *k, um_source source)
{
    const char *text = text_of(scheduler, k);
    if (!text) text = otherwise_of(scheduler->class_name, k);
    if (!text || means_none(k, text)) return UM_OK;
    const um_origin origin = { source, scheduler->path, 0 };
    return blame(ctx, um_config_offer(ctx, c, k->section, k->key, text, &origin), scheduler,
                 k->name);
}

/* Before there was prediction_type a model of the image said so; diffusers passes over it now. */
static um_status check_older(um_ctx *ctx, const um_scheduler_json *scheduler)
{
    const char *epsilon = um_scheduler_json_get(scheduler, "predict_epsilon");
    if (!epsilon || strcmp(epsilon, "true") == 0) return UM_OK;
    return um_fail(ctx, UM_BAD_FILE,
                   "%s: predict_epsilon = %s is not supported (prediction_type = sample)",
                   scheduler->path, epsilon);
}

/* A table of betas, which no setting can hold. It gives way as the schedule would. */
static um_status offer_betas(um_ctx *ctx, um_config *c, const um_scheduler_json *scheduler,
                             um_source source)
{
    static const char key[] = "trained_betas";
    const double *betas;
    int count;
    if (c->origin[UM_KEY_diffusion_schedule].source > source) return UM_OK;
    UM_TRY(um_scheduler_json_reals(ctx, scheduler, key, &c->texts, &betas, &count));
    if (!betas) return UM_OK;
    if (count != c->diffusion_timesteps)
        return um_fail(ctx, UM_BAD_FILE, "%s: %s has %d entries (num_train_timesteps is %d)",
                       scheduler->path, key, count, c->diffusion_timesteps);
    for (int i = 0; i < count; i++)
        if (!(betas[i] > 0.0 && betas[i] < 1.0))
            return um_fail(ctx, UM_BAD_FILE, "%s: %s: entry %d is %g (above 0 and below 1)",
                           scheduler->path, key, i, betas[i]);
    c->trained_betas = betas;
    return UM_OK;
}

/* Whether the variance was learnt in its range is a fact; what is drawn with, an option. No
 * training here gives a variance that is said as it is (learned). */
static um_status offer_variance(um_ctx *ctx, um_config *c, const um_scheduler_json *scheduler,
                                um_source source)
{
    const char *text = um_scheduler_json_get(scheduler, "variance_type");
    const um_origin origin = { source, scheduler->path, 0 };
    const char *value = is_learned(text) ? text : "fixed";
    if (text && strcmp(text, "learned") == 0) return UM_OK;
    return blame(ctx, um_config_offer(ctx, c, "diffusion", "variance", value, &origin), scheduler,
                 "variance_type");
}

static um_status offer_facts(um_ctx *ctx, um_config *c, const um_scheduler_json *scheduler,
                             um_source source)
{
    if (!scheduler->class_name) return UM_OK;
    UM_TRY(check_older(ctx, scheduler));
    for (size_t i = 0; i < UM_COUNT(facts); i++)
        UM_TRY(offer(ctx, c, scheduler, &facts[i], source));
    UM_TRY(offer_betas(ctx, c, scheduler, source));
    return offer_variance(ctx, c, scheduler, source);
}

um_status um_config_inherit(um_ctx *ctx, um_config *c, const um_scheduler_json *scheduler)
{
    return offer_facts(ctx, c, scheduler, UM_FROM_MODEL);
}

um_status um_config_adopt(um_ctx *ctx, um_config *c, const um_scheduler_json *scheduler)
{
    if (!scheduler->class_name) return UM_OK;
    UM_TRY(offer_facts(ctx, c, scheduler, UM_FROM_TRAINING));
    const um_sampler *sampler;
    UM_TRY(um_sampler_find(ctx, c->sample_sampler, &sampler));
    if (!sampler->class_name || strcmp(sampler->class_name, scheduler->class_name) != 0)
        return UM_OK;
    UM_TRY(check_options(ctx, scheduler));
    for (size_t i = 0; i < UM_COUNT(options); i++)
        UM_TRY(offer(ctx, c, scheduler, &options[i], UM_FROM_MODEL));
    return UM_OK;
}

void um_config_tell_overruled(um_ctx *ctx, const um_config *asked, const um_config *c)
{
    const um_setting *s = NULL;
    while ((s = um_config_difference(asked, c, s))) {
        const um_origin *o = &asked->origin[s - um_config_settings];
        char given[UM_PATH_BYTES + 1], fact[UM_PATH_BYTES + 1], at[32] = "";
        if (o->source == UM_FROM_DEFAULT) continue;
        um_setting_print(s, (const char *)asked + s->offset, given, sizeof given);
        um_setting_print(s, (const char *)c + s->offset, fact, sizeof fact);
        if (*o->file) snprintf(at, sizeof at, ":%d: ", o->line);
        um_log(ctx, UM_LOG_WARNING, "%s%s%s.%s = %s is overruled: the model was trained with %s",
               o->file, at, s->section, s->key, given, fact);
    }
}

/* The names that diffusers has for our schedules; NULL where it has none. */
static const char *diffusers_schedule(const char *ours)
{
    if (strcmp(ours, "cosine") == 0) return "squaredcos_cap_v2";
    if (strcmp(ours, "quadratic") == 0) return "scaled_linear";
    return ours;
}

/* A setting as the value of diffusers' key. */
static um_status set_fact(um_ctx *ctx, const um_config *c, const struct key *k,
                          um_scheduler_json *out)
{
    um_text text = { .ctx = ctx };
    char name[64];
    snprintf(name, sizeof name, "%s.%s", k->section, k->key);
    um_status status = um_config_get(ctx, c, name, &text);
    if (status == UM_OK) status = text.status;
    if (status == UM_OK) {
        const bool schedule = strcmp(k->key, "schedule") == 0;
        status = um_scheduler_json_set(ctx, out, k->name,
                                       schedule ? diffusers_schedule(text.data) : text.data);
    }
    um_text_free(&text);
    return status;
}

/* Our own keys are written only where they say something. */
static bool wanted(const um_config *c, const struct key *k)
{
    const bool cosine = strcmp(c->diffusion_schedule, "cosine") == 0;
    if (strcmp(k->key, "cosine_s") == 0) return cosine && c->diffusion_cosine_s != 0.008;
    if (strcmp(k->key, "max_beta") == 0) return cosine && c->diffusion_max_beta != 0.999;
    return true;
}

um_status um_scheduler_from_config(um_ctx *ctx, const um_config *c, um_scheduler_json *out)
{
    UM_TRY(um_scheduler_json_begin(ctx, out, "DDPMScheduler"));
    um_status status = UM_OK;
    for (size_t i = 0; i < UM_COUNT(facts) && status == UM_OK; i++)
        if (wanted(c, &facts[i])) status = set_fact(ctx, c, &facts[i], out);
    const bool learned = is_learned(c->diffusion_variance);
    const char *variance = learned ? c->diffusion_variance : "fixed_small";
    if (status == UM_OK) status = um_scheduler_json_set(ctx, out, "variance_type", variance);
    if (status == UM_OK) status = um_scheduler_json_set(ctx, out, "clip_sample", "true");
    if (status != UM_OK) um_scheduler_json_free(out);
    return status;
}
