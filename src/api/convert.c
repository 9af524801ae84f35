/* SPDX-License-Identifier: MIT
 * convert.c - from the settings table to the small structs of the floors below, which do not know
 * it. */
#include "api/handles.h"

#include "io/unet_file.h"

#include <string.h>

/* A word of the table that a choice below must know: the table's own choices make sure of it. */
static um_status word(um_ctx *ctx, const um_choice *table, const char *key, const char *text,
                      void *value)
{
    return um_choice_parse(ctx, table, key, text, value);
}

static um_schedule_settings schedule_settings(const um_config *c)
{
    um_schedule_settings s = um_schedule_defaults();
    s.timesteps = c->diffusion_timesteps;
    s.beta_start = c->diffusion_beta_start;
    s.beta_end = c->diffusion_beta_end;
    s.cosine_s = c->diffusion_cosine_s;
    s.max_beta = c->diffusion_max_beta;
    s.zero_terminal_snr = c->diffusion_rescale_betas_zero_snr;
    s.betas = c->trained_betas;
    return s;
}

um_status um_schedule_from_config(um_ctx *ctx, const um_config *c, um_schedule *out)
{
    um_schedule_settings s = schedule_settings(c);
    UM_TRY(word(ctx, um_schedule_kinds, "diffusion.schedule", c->diffusion_schedule, &s.kind));
    return um_schedule_init(ctx, out, &s);
}

/* A switch of auto, true and false: auto leaves what the sampler does by itself. */
static void unless_auto(const char *word, bool *value)
{
    if (strcmp(word, "auto") != 0) *value = strcmp(word, "true") == 0;
}

/* diffusers' three switches; the table of rules has made sure that at most one is on. */
static um_sigmas sigmas_of(const um_config *c)
{
    return c->sample_use_karras_sigmas        ? UM_SIGMAS_KARRAS
           : c->sample_use_exponential_sigmas ? UM_SIGMAS_EXPONENTIAL
           : c->sample_use_lu_lambdas         ? UM_SIGMAS_LU_LAMBDAS
                                              : UM_SIGMAS_TRAINING;
}

/* Which levels are visited. */
static um_status level_settings(um_ctx *ctx, const um_config *c, um_sample_settings *s)
{
    s->steps = c->sample_steps ? c->sample_steps : UM_MIN(s->steps, c->diffusion_timesteps);
    if (strcmp(c->sample_timestep_spacing, "auto") != 0)
        UM_TRY(word(ctx, um_spacings, "sample.timestep_spacing", c->sample_timestep_spacing,
                    &s->spacing));
    if (strcmp(c->sample_final_sigmas_type, "auto") != 0)
        UM_TRY(word(ctx, um_finals, "sample.final_sigmas_type", c->sample_final_sigmas_type,
                    &s->final_sigmas));
    s->steps_offset = c->sample_steps_offset;
    s->sigmas = sigmas_of(c);
    if (c->sample_lambda_min_clipped > -1000) /* else no limit: zero SNR has lambda -inf */
        s->lambda_min_clipped = c->sample_lambda_min_clipped;
    return UM_OK;
}

/* auto: what the network was trained to say is used. */
static um_status variance_setting(um_ctx *ctx, const um_config *c, um_variance *variance)
{
    if (strcmp(c->sample_variance_type, "auto") != 0)
        return word(ctx, um_variances, "sample.variance_type", c->sample_variance_type, variance);
    if (strcmp(c->diffusion_variance, "learned_range") == 0) *variance = UM_VARIANCE_LEARNED_RANGE;
    return UM_OK;
}

/* What single methods have to choose from. */
static um_status method_settings(um_ctx *ctx, const um_config *c, um_sample_settings *s)
{
    UM_TRY(variance_setting(ctx, c, &s->variance));
    UM_TRY(word(ctx, um_strided_rules, "sample.strided_rule", c->sample_strided_rule,
                &s->strided_rule));
    UM_TRY(word(ctx, um_algorithms, "sample.algorithm_type", c->sample_algorithm_type,
                &s->algorithm));
    if (strcmp(c->sample_solver_type, "auto") != 0)
        UM_TRY(word(ctx, um_solvers, "sample.solver_type", c->sample_solver_type, &s->solver));
    if (c->sample_solver_order) s->solver_order = c->sample_solver_order;
    unless_auto(c->sample_set_alpha_to_one, &s->set_alpha_to_one);
    unless_auto(c->sample_lower_order_final, &s->lower_order_final);
    /* guided noise leads away from a clipped image; without guidance diffusers' way stands */
    s->use_clipped_model_output = c->sample_guidance > 1.0 || *c->sample_classifier;
    unless_auto(c->sample_use_clipped_model_output, &s->use_clipped_model_output);
    s->eta = c->sample_eta;
    s->euler_at_final = c->sample_euler_at_final;
    s->predict_x0 = c->sample_predict_x0;
    s->disable_corrector = c->sample_disable_corrector;
    s->skip_prk_steps = c->sample_skip_prk_steps;
    s->s_churn = c->sample_s_churn;
    s->s_tmin = c->sample_s_tmin;
    s->s_tmax = c->sample_s_tmax;
    s->s_noise = c->sample_s_noise;
    return UM_OK;
}

static um_guidance_settings guidance_settings(const um_config *c)
{
    return (um_guidance_settings){
        .scale = c->sample_guidance,
        .start = c->sample_guidance_start,
        .end = c->sample_guidance_end,
        .rescale = c->sample_guidance_rescale,
        .passes = strcmp(c->sample_guidance_batching, "passes") == 0,
    };
}

/* What samplers in continuous time have to choose from. */
static um_status process_settings(um_ctx *ctx, const um_config *c, um_sample_settings *s)
{
    UM_TRY(word(ctx, um_sde_kinds, "sample.sde", c->sample_sde, &s->sde));
    UM_TRY(word(ctx, um_time_grids, "sample.time_grid", c->sample_time_grid, &s->time_grid));
    s->beta_min = c->sample_beta_min;
    s->beta_max = c->sample_beta_max;
    s->time_grid_s = c->sample_time_grid_s;
    s->time_end = c->sample_time_end;
    s->denoise = c->sample_denoise;
    s->snr = c->sample_snr;
    s->corrector_steps = c->sample_corrector_steps;
    if (c->sample_rtol > 0.0) s->rtol = c->sample_rtol;
    if (c->sample_atol > 0.0) s->atol = c->sample_atol;
    s->max_calls = c->sample_max_calls;
    return UM_OK;
}

um_status um_sample_settings_from_config(um_ctx *ctx, const um_config *c, um_sample_settings *out)
{
    const um_sampler *sampler;
    UM_TRY(um_sampler_find(ctx, c->sample_sampler, &sampler));
    um_sample_settings s =
        um_sampler_defaults(sampler); /* diffusers' for this class, where nobody says otherwise */
    UM_TRY(level_settings(ctx, c, &s));
    UM_TRY(method_settings(ctx, c, &s));
    UM_TRY(process_settings(ctx, c, &s));
    UM_TRY(word(ctx, um_predictions, "diffusion.prediction_type", c->diffusion_prediction_type,
                &s.prediction));
    UM_TRY(word(ctx, um_precisions, "sample.precision", c->sample_precision, &s.precision));
    UM_TRY(word(ctx, um_rngs, "sample.rng", c->sample_rng, &s.rng));
    unless_auto(c->sample_clip_sample, &s.clip_sample);
    s.clip_sample_range = c->sample_clip_sample_range;
    s.thresholding = c->sample_thresholding;
    s.dynamic_thresholding_ratio = c->sample_dynamic_thresholding_ratio;
    s.sample_max_value = c->sample_sample_max_value;
    s.guidance = guidance_settings(c);
    s.seed = c->sample_seed;
    *out = s;
    return UM_OK;
}

um_status um_train_settings_from_config(um_ctx *ctx, const um_config *c, um_train_settings *out)
{
    *out = (um_train_settings){
        .seed = c->run_seed,
        .steps = c->train_steps,
        .batch = c->train_batch,
        .accumulate = c->train_accumulate,
        .flip = c->data_flip,
        .label_dropout = c->train_label_dropout,
        .recompute = c->train_recompute,
        .check_nan = c->run_check_nan,
        .loss = um_loss_defaults(),
        .lr = c->train_lr,
        .beta1 = c->train_beta1,
        .beta2 = c->train_beta2,
        .eps = c->train_eps,
        .weight_decay = c->train_weight_decay,
        .clip_norm = c->train_clip_norm,
        .on_nan_limit = c->train_on_nan_limit,
        .spike_zscore = c->train_spike_zscore,
        .warmup = c->train_warmup,
        .ema_decay = c->train_ema_decay,
        .ema_warmup = c->train_ema_warmup,
        .ema_inv_gamma = c->train_ema_inv_gamma,
        .ema_power = c->train_ema_power,
        .log_every = c->train_log_every,
        .validate_every = c->train_validate_every,
        .sample_every = c->train_sample_every,
        .checkpoint_every = c->train_checkpoint_every,
        .validation_images = c->train_validation_images,
        .keep = c->train_keep,
        .max_time = c->train_max_time,
    };
    out->loss.huber_delta = c->diffusion_huber_delta;
    out->loss.vlb_weight = c->diffusion_vlb_weight;
    UM_TRY(word(ctx, um_variance_models, "diffusion.variance", c->diffusion_variance,
                &out->loss.variance));
    out->loss.min_snr_gamma = c->train_min_snr_gamma;
    UM_TRY(word(ctx, um_weighting_kinds, "train.loss_weighting", c->train_loss_weighting,
                &out->loss.weighting));
    UM_TRY(word(ctx, um_timestep_samplings, "train.timestep_sampling",
                c->train_timestep_sampling, &out->timestep_sampling));
    UM_TRY(word(ctx, um_loss_kinds, "diffusion.loss", c->diffusion_loss, &out->loss.kind));
    UM_TRY(word(ctx, um_predictions, "diffusion.prediction_type", c->diffusion_prediction_type,
                &out->prediction));
    UM_TRY(word(ctx, um_precisions, "train.precision", c->train_precision, &out->precision));
    UM_TRY(word(ctx, um_on_nan_choices, "train.on_nan", c->train_on_nan, &out->on_nan));
    UM_TRY(word(ctx, um_optimizers, "train.optimizer", c->train_optimizer, &out->optimizer));
    return word(ctx, um_lr_schedules, "train.lr_schedule", c->train_lr_schedule, &out->lr_schedule);
}

/* Attention at the levels whose images have a side that model.attention names. */
static bool attends(const um_config *c, int h, int w, int level)
{
    for (int i = 0; i < c->model_attention.n; i++)
        if (c->model_attention.v[i] == h >> level || c->model_attention.v[i] == w >> level)
            return true;
    return false;
}

/* The encoder half of what the settings describe, with a score for each class. */
static um_status ask_for_classes(um_ctx *ctx, const um_config *c, int classes, um_unet_config *out)
{
    if (strcmp(c->train_task, "classifier") != 0) return UM_OK;
    if (classes < 2)
        return um_fail(ctx, UM_BAD_ARG,
                       "train.task = classifier, but the images have %d classes (2 or more)",
                       classes);
    out->logits = classes;
    return UM_OK;
}

um_status um_unet_config_from_config(um_ctx *ctx, const um_config *c, int channels, int h, int w,
                                     int classes, um_unet_config *out)
{
    um_unet_config_default(out);
    if (*c->model_config) {
        UM_TRY(um_unet_file_read_config(ctx, out, c->model_config));
        return ask_for_classes(ctx, c, classes, out);
    }
    if (c->model_channels.n < 1 || c->model_channels.n > UM_UNET_MAX_LEVELS)
        return um_fail(ctx, UM_BAD_ARG,
                       "model.channels has %d entries (1 to %d, one for each level)",
                       c->model_channels.n, UM_UNET_MAX_LEVELS);
    out->sample_h = h;
    out->sample_w = w;
    out->in_channels = channels;
    out->out_channels = strcmp(c->diffusion_variance, "fixed") == 0 ? channels : 2 * channels;
    out->levels = c->model_channels.n;
    int widest = 0;
    for (int i = 0; i < out->levels; i++) {
        out->channels[i] = c->model_channels.v[i];
        out->down_attention[i] = attends(c, h, w, i);
        out->up_attention[out->levels - 1 - i] = out->down_attention[i];
        widest = UM_MAX(widest, out->channels[i]);
    }
    out->layers_per_block = c->model_layers;
    out->attention_head_dim = c->model_head_dim > widest ? 0 : c->model_head_dim;
    out->norm_num_groups = c->model_groups;
    out->norm_eps = c->model_norm_eps;
    out->dropout = c->model_dropout;
    out->time_scale_shift = strcmp(c->model_time_scale_shift, "scale_shift") == 0;
    out->add_attention = c->model_mid_attention;
    out->downsample_padding = c->model_downsample_padding;
    out->downsample_resnet = strcmp(c->model_downsample_type, "resnet") == 0;
    out->upsample_resnet = strcmp(c->model_upsample_type, "resnet") == 0;
    out->time_embedding_dim = c->model_time_embedding_dim;
    out->flip_sin_to_cos = c->model_flip_sin_to_cos;
    out->freq_shift = c->model_freq_shift;
    out->center_input_sample = c->model_center_input_sample;
    if (c->model_class_conditional) {
        if (classes < 1)
            return um_fail(ctx, UM_BAD_ARG,
                           "model.class_conditional = true, but the images have no classes "
                           "(false, or a data set with labels)");
        out->class_embed_type = UM_CLASS_TABLE;
        out->null_class = c->train_label_dropout > 0;
        out->num_class_embeds = classes + out->null_class;
    }
    return ask_for_classes(ctx, c, classes, out);
}
