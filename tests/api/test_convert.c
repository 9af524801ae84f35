/* SPDX-License-Identifier: MIT */
#include "api/handles.h"

#include "sample/sampler.h"
#include "support/check.h"

#include <stdio.h>
#include <string.h>

typedef struct subject {
    um_ctx ctx;
    um_config c;
} subject;

static subject *open_subject(void)
{
    subject *s = test_calloc(1, sizeof *s);
    um_ctx_init(&s->ctx);
    CHECK_OK(&s->ctx, um_config_init(&s->ctx, &s->c));
    return s;
}

static void close_subject(subject *s)
{
    um_config_free(&s->c);
    test_free(s);
}

static void set(subject *s, const char *assignment)
{
    CHECK_OK(&s->ctx, um_config_set(&s->ctx, &s->c, assignment));
}

static void check_process(const um_sample_settings *is, const um_sample_settings *own)
{
    assert_int_equal(is->sde, own->sde);
    assert_int_equal(is->time_grid, own->time_grid);
    assert_true(is->beta_min == own->beta_min && is->beta_max == own->beta_max);
    assert_true(is->time_grid_s == own->time_grid_s && is->time_end == own->time_end);
    assert_true(is->denoise == own->denoise && is->snr == own->snr);
    assert_int_equal(is->corrector_steps, own->corrector_steps);
    assert_true(is->rtol == own->rtol && is->atol == own->atol);
    assert_int_equal(is->max_calls, own->max_calls);
}

static void check_same(const um_sample_settings *is, const um_sample_settings *own)
{
    assert_int_equal(is->steps, own->steps);
    assert_int_equal(is->spacing, own->spacing);
    assert_int_equal(is->steps_offset, own->steps_offset);
    assert_int_equal(is->clip_sample, own->clip_sample);
    assert_int_equal(is->set_alpha_to_one, own->set_alpha_to_one);
    assert_int_equal(is->variance, own->variance);
    assert_true(is->clip_sample_range == own->clip_sample_range && is->eta == own->eta);
    assert_true(is->dynamic_thresholding_ratio == own->dynamic_thresholding_ratio);
    assert_true(is->sample_max_value == own->sample_max_value);
    assert_int_equal(is->thresholding, own->thresholding);
    assert_int_equal(is->use_clipped_model_output, own->use_clipped_model_output);
    assert_int_equal(is->strided_rule, own->strided_rule);
    assert_int_equal(is->rng, own->rng);
    assert_true(is->lambda_min_clipped == own->lambda_min_clipped);
    assert_int_equal(is->solver, own->solver);
    assert_int_equal(is->solver_order, own->solver_order);
    assert_int_equal(is->lower_order_final, own->lower_order_final);
    assert_int_equal(is->final_sigmas, own->final_sigmas);
    assert_true(is->guidance.scale == 1 && is->guidance.start == 0 && is->guidance.end == 1);
    assert_true(is->guidance.rescale == 0 && !is->guidance.passes);
    if (is->sampler->levels.continuous) check_process(is, own);
}

/* Where no one says anything, each sampler has diffusers' defaults of its class. */
static void what_is_not_said_is_the_sampler_s_own(void **state)
{
    (void)state;
    for (int i = 0; um_samplers[i]; i++) {
        subject *s = open_subject();
        char assignment[64];
        um_sample_settings is;
        snprintf(assignment, sizeof assignment, "sample.sampler=%s", um_samplers[i]->name);
        set(s, assignment);
        CHECK_OK(&s->ctx, um_sample_settings_from_config(&s->ctx, &s->c, &is));
        const um_sample_settings own = um_sampler_defaults(um_samplers[i]);
        assert_ptr_equal(is.sampler, um_samplers[i]);
        check_same(&is, &own);
        close_subject(s);
    }
}

/* A sampler's own 50 or 250 steps are no reason to refuse a model of 20 timesteps. */
static void a_sampler_s_own_steps_are_at_most_the_timesteps(void **state)
{
    (void)state;
    for (int i = 0; um_samplers[i]; i++) {
        subject *s = open_subject();
        char assignment[64];
        um_sample_settings is;
        snprintf(assignment, sizeof assignment, "sample.sampler=%s", um_samplers[i]->name);
        set(s, assignment);
        set(s, "diffusion.timesteps=20");
        CHECK_OK(&s->ctx, um_sample_settings_from_config(&s->ctx, &s->c, &is));
        assert_int_equal(is.steps, UM_MIN(um_sampler_defaults(um_samplers[i]).steps, 20));
        set(s, "sample.steps=30"); /* what a person says is not changed in silence */
        CHECK_OK(&s->ctx, um_sample_settings_from_config(&s->ctx, &s->c, &is));
        assert_int_equal(is.steps, 30);
        close_subject(s);
    }
}

/* Every value said once more, as config.ini and the notes in an image hold it. */
static void say_all_again(subject *s)
{
    for (int i = 0; i < UM_CONFIG_COUNT; i++) {
        const um_setting *setting = &um_config_settings[i];
        um_text text = { .ctx = &s->ctx };
        char name[64], assignment[256];
        if (strcmp(setting->section, "sample") != 0) continue;
        snprintf(name, sizeof name, "sample.%s", setting->key);
        CHECK_OK(&s->ctx, um_config_get(&s->ctx, &s->c, name, &text));
        snprintf(assignment, sizeof assignment, "%s=%s", name, text.data);
        um_text_free(&text);
        set(s, assignment);
    }
}

static void what_config_ini_says_is_what_the_sampler_chose(void **state)
{
    (void)state;
    for (int i = 0; um_samplers[i]; i++) {
        subject *s = open_subject();
        char assignment[64];
        um_sample_settings first, again;
        snprintf(assignment, sizeof assignment, "sample.sampler=%s", um_samplers[i]->name);
        set(s, assignment);
        CHECK_OK(&s->ctx, um_sample_settings_from_config(&s->ctx, &s->c, &first));
        say_all_again(s);
        CHECK_OK(&s->ctx, um_sample_settings_from_config(&s->ctx, &s->c, &again));
        check_same(&again, &first);
        close_subject(s);
    }
}

static void guided_noise_follows_the_clipped_image(void **state)
{
    (void)state;
    static const struct { const char *said[2]; bool follows; } cases[] = {
        { { "sample.guidance=1", "sample.sampler=ddim" }, false },
        { { "sample.guidance=0", "sample.sampler=ddim" }, false },
        { { "sample.guidance=3", "sample.sampler=ddim" }, true },
        { { "sample.classifier=x", "sample.sampler=ddim" }, true },
        { { "sample.guidance=3", "sample.use_clipped_model_output=false" }, false },
        { { "sample.guidance=1", "sample.use_clipped_model_output=true" }, true },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        subject *s = open_subject();
        um_sample_settings is;
        set(s, cases[i].said[0]);
        set(s, cases[i].said[1]);
        CHECK_OK(&s->ctx, um_sample_settings_from_config(&s->ctx, &s->c, &is));
        assert_int_equal(is.use_clipped_model_output, cases[i].follows);
        close_subject(s);
    }
}

static void every_sampling_setting_arrives(void **state)
{
    (void)state;
    static const char *const all[] = {
        "sample.sampler=ddim", "sample.steps=17", "sample.eta=0.25",
        "sample.timestep_spacing=linspace", "sample.steps_offset=3",
        "sample.set_alpha_to_one=false", "sample.clip_sample=false",
        "sample.clip_sample_range=2.5", "sample.thresholding=true",
        "sample.dynamic_thresholding_ratio=0.9", "sample.sample_max_value=1.5",
        "sample.use_clipped_model_output=true", "sample.variance_type=fixed_large",
        "sample.strided_rule=renoise", "sample.seed=18446744073709551615", "sample.rng=torch",
        "diffusion.prediction_type=v_prediction", "sample.guidance=2.5",
        "sample.guidance_start=0.125", "sample.guidance_end=0.75", "sample.guidance_rescale=0.5",
        "sample.guidance_batching=passes",
        "sample.sde=vp", "sample.beta_min=0.25",
        "sample.beta_max=10", "sample.time_grid=cosine", "sample.time_grid_s=0.5",
        "sample.time_end=0.125", "sample.denoise=false", "sample.snr=0.0625",
        "sample.corrector_steps=3", "sample.rtol=0.125", "sample.atol=0.25",
        "sample.max_calls=77",
    };
    subject *s = open_subject();
    um_sample_settings is;
    for (size_t i = 0; i < UM_COUNT(all); i++) set(s, all[i]);
    CHECK_OK(&s->ctx, um_sample_settings_from_config(&s->ctx, &s->c, &is));
    assert_string_equal(is.sampler->name, "ddim");
    assert_true(is.steps == 17 && is.eta == 0.25 && is.spacing == UM_SPACING_LINSPACE);
    assert_true(is.steps_offset == 3 && !is.set_alpha_to_one && !is.clip_sample);
    assert_true(is.clip_sample_range == 2.5 && is.thresholding);
    assert_true(is.dynamic_thresholding_ratio == 0.9 && is.sample_max_value == 1.5);
    assert_true(is.use_clipped_model_output && is.variance == UM_VARIANCE_FIXED_LARGE);
    assert_true(is.strided_rule == UM_STRIDED_RENOISE && is.seed == UINT64_MAX);
    assert_true(is.rng == UM_RNG_TORCH && is.prediction == UM_PREDICTION_V);
    assert_true(is.guidance.scale == 2.5 && is.guidance.start == 0.125);
    assert_true(is.guidance.end == 0.75 && is.guidance.rescale == 0.5 && is.guidance.passes);
    assert_true(is.sde == UM_SDE_VP && is.beta_min == 0.25 && is.beta_max == 10.0);
    assert_true(is.time_grid == UM_TIME_GRID_COSINE && is.time_grid_s == 0.5);
    assert_true(is.time_end == 0.125 && !is.denoise && is.snr == 0.0625);
    assert_int_equal(is.corrector_steps, 3);
    assert_true(is.rtol == 0.125 && is.atol == 0.25 && is.max_calls == 77);
    close_subject(s);
}

/* What single classes of samplers have to choose from. */
static void settings_of_methods_arrive(void **state)
{
    (void)state;
    static const char *const all[] = {
        "sample.sampler=euler", "sample.s_churn=4", "sample.s_tmin=0.25", "sample.s_tmax=80",
        "sample.s_noise=1.003", "sample.skip_prk_steps=true", "sample.solver_order=3",
        "sample.use_karras_sigmas=true", "sample.final_sigmas_type=sigma_min",
    };
    subject *s = open_subject();
    um_sample_settings is;
    for (size_t i = 0; i < UM_COUNT(all); i++) set(s, all[i]);
    CHECK_OK(&s->ctx, um_sample_settings_from_config(&s->ctx, &s->c, &is));
    assert_true(is.s_churn == 4 && is.s_tmin == 0.25 && is.s_tmax == 80 && is.s_noise == 1.003);
    assert_true(is.skip_prk_steps && is.solver_order == 3 && is.sigmas == UM_SIGMAS_KARRAS);
    assert_true(is.final_sigmas == UM_FINAL_SIGMA_MIN);
    close_subject(s);
}

static void every_training_setting_arrives(void **state)
{
    (void)state;
    static const char *const all[] = {
        "run.seed=18446744073709551615", "run.check_nan=true", "data.flip=true",
        "train.steps=11", "train.batch=12", "train.accumulate=3", "train.optimizer=adam",
        "train.lr=0.5", "train.beta1=0.6", "train.beta2=0.7", "train.eps=0.001",
        "train.weight_decay=0.125", "train.clip_norm=2", "train.lr_schedule=linear",
        "train.on_nan=rollback", "train.on_nan_limit=20", "train.spike_zscore=6",
        "train.warmup=13", "train.ema_decay=0.75", "train.ema_warmup=false",
        "train.ema_inv_gamma=3", "train.ema_power=0.5", "train.recompute=true",
        "train.log_every=14", "train.validate_every=15", "train.validation_images=16",
        "train.sample_every=17", "train.checkpoint_every=18", "train.keep=19",
        "train.max_time=2m", "train.label_dropout=0.125",
        "diffusion.variance=learned_range", "diffusion.vlb_weight=0.25",
        "train.loss_weighting=min_snr", "train.min_snr_gamma=7",
        "train.timestep_sampling=loss_second_moment",
        "diffusion.loss=huber", "diffusion.huber_delta=0.3",
        "diffusion.prediction_type=sample",
    };
    subject *s = open_subject();
    um_train_settings is;
    for (size_t i = 0; i < UM_COUNT(all); i++) set(s, all[i]);
    CHECK_OK(&s->ctx, um_train_settings_from_config(&s->ctx, &s->c, &is));
    assert_true(is.seed == UINT64_MAX && is.check_nan && is.flip && is.recompute);
    assert_true(is.steps == 11 && is.batch == 12 && is.accumulate == 3);
    assert_true(is.optimizer == UM_ADAM && is.lr == 0.5 && is.beta1 == 0.6 && is.beta2 == 0.7);
    assert_true(is.eps == 0.001 && is.weight_decay == 0.125 && is.clip_norm == 2);
    assert_true(is.lr_schedule == UM_LR_LINEAR && is.warmup == 13);
    assert_true(is.on_nan == UM_ON_NAN_ROLLBACK && is.on_nan_limit == 20 && is.spike_zscore == 6);
    assert_true(is.ema_decay == 0.75 && !is.ema_warmup && is.ema_inv_gamma == 3);
    assert_true(is.ema_power == 0.5 && is.log_every == 14 && is.validate_every == 15);
    assert_true(is.validation_images == 16 && is.sample_every == 17);
    assert_true(is.checkpoint_every == 18 && is.keep == 19 && is.max_time == 120);
    assert_true(is.loss.kind == UM_LOSS_HUBER && is.loss.huber_delta == 0.3);
    assert_true(is.prediction == UM_PREDICTION_SAMPLE && is.label_dropout == 0.125);
    assert_true(is.loss.weighting == UM_WEIGHTING_MIN_SNR && is.loss.min_snr_gamma == 7);
    assert_true(is.loss.variance == UM_VARIANCE_MODEL_LEARNED_RANGE && is.loss.vlb_weight == 0.25);
    assert_true(is.timestep_sampling == UM_TIMESTEPS_LOSS_SECOND_MOMENT);
    close_subject(s);
}

static void every_network_setting_arrives(void **state)
{
    (void)state;
    static const char *const all[] = {
        "model.channels=8,16,24", "model.layers=3", "model.attention=7,20", "model.head_dim=4",
        "model.groups=4", "model.dropout=0.5", "model.class_conditional=true",
        "model.time_scale_shift=scale_shift", "model.mid_attention=false", "model.norm_eps=0.001",
        "model.downsample_padding=0", "model.downsample_type=resnet",
        "model.upsample_type=resnet", "model.time_embedding_dim=48",
        "model.flip_sin_to_cos=false", "model.freq_shift=1", "model.center_input_sample=true",
    };
    subject *s = open_subject();
    um_unet_config u;
    for (size_t i = 0; i < UM_COUNT(all); i++) set(s, all[i]);
    CHECK_OK(&s->ctx, um_unet_config_from_config(&s->ctx, &s->c, 3, 24, 40, 10, &u));
    assert_true(u.sample_h == 24 && u.sample_w == 40 && u.in_channels == 3);
    assert_true(u.out_channels == 3 && u.levels == 3 && u.layers_per_block == 3);
    assert_true(u.channels[0] == 8 && u.channels[1] == 16 && u.channels[2] == 24);
    for (int i = 0; i < 3; i++) { /* 20 is a side of the second level, 7 of none */
        assert_int_equal(u.down_attention[i], i == 1);
        assert_int_equal(u.up_attention[i], i == 1);
    }
    assert_true(u.attention_head_dim == 4 && u.norm_num_groups == 4 && u.dropout == 0.5);
    assert_true(u.class_embed_type == UM_CLASS_TABLE && u.num_class_embeds == 10);
    assert_true(u.time_scale_shift && !u.add_attention && u.norm_eps == 0.001);
    assert_true(u.downsample_padding == 0 && u.downsample_resnet && u.upsample_resnet);
    assert_true(u.time_embedding_dim == 48 && !u.flip_sin_to_cos && u.freq_shift == 1);
    assert_true(u.center_input_sample);
    set(s, "diffusion.variance=learned_range");
    CHECK_OK(&s->ctx, um_unet_config_from_config(&s->ctx, &s->c, 3, 24, 40, 10, &u));
    assert_true(u.in_channels == 3 && u.out_channels == 6);
    close_subject(s);
}

/* A row of the table of classes more, and only where it will be learnt. */
static void label_dropout_adds_the_null_class(void **state)
{
    (void)state;
    subject *s = open_subject();
    um_unet_config u;
    set(s, "model.class_conditional=true");
    CHECK_OK(&s->ctx, um_unet_config_from_config(&s->ctx, &s->c, 1, 32, 32, 10, &u));
    assert_true(u.num_class_embeds == 10 && !u.null_class);
    set(s, "train.label_dropout=0.1");
    CHECK_OK(&s->ctx, um_unet_config_from_config(&s->ctx, &s->c, 1, 32, 32, 10, &u));
    assert_true(u.num_class_embeds == 11 && u.null_class && um_unet_classes(&u) == 10);
    close_subject(s);
}

static void a_classifier_has_a_score_for_each_class(void **state)
{
    (void)state;
    subject *s = open_subject();
    um_unet_config u;
    CHECK_OK(&s->ctx, um_unet_config_from_config(&s->ctx, &s->c, 1, 32, 32, 10, &u));
    assert_int_equal(u.logits, 0);
    set(s, "train.task=classifier");
    CHECK_OK(&s->ctx, um_unet_config_from_config(&s->ctx, &s->c, 1, 32, 32, 10, &u));
    assert_int_equal(u.logits, 10);
    assert_int_equal(um_unet_config_from_config(&s->ctx, &s->c, 1, 32, 32, 1, &u), UM_BAD_ARG);
    assert_non_null(strstr(s->ctx.message, "train.task = classifier, but the images have 1"));
    close_subject(s);
}

/* From the largest images down and from the smallest up. */
static void attention_stands_at_the_same_sizes_on_both_ways(void **state)
{
    (void)state;
    subject *s = open_subject();
    um_unet_config u;
    set(s, "model.channels=8,16,24");
    set(s, "model.groups=8");
    set(s, "model.attention=8");
    CHECK_OK(&s->ctx, um_unet_config_from_config(&s->ctx, &s->c, 1, 32, 32, 0, &u));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(u.down_attention[i], i == 2);
        assert_int_equal(u.up_attention[i], i == 0);
    }
    set(s, "model.attention=none");
    CHECK_OK(&s->ctx, um_unet_config_from_config(&s->ctx, &s->c, 1, 8, 8, 0, &u));
    for (int i = 0; i < 3; i++) assert_false(u.down_attention[i] || u.up_attention[i]);
    close_subject(s);
}

static void a_head_wider_than_the_channels_is_one_head(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        int is;
    } cases[] = { { "model.head_dim=0", 0 }, { "model.head_dim=25", 0 }, { "model.head_dim=8", 8 },
                  { "model.head_dim=24", 24 } };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        subject *s = open_subject();
        um_unet_config u;
        set(s, "model.channels=8,24");
        set(s, cases[i].head);
        CHECK_OK(&s->ctx, um_unet_config_from_config(&s->ctx, &s->c, 1, 8, 8, 0, &u));
        assert_int_equal(u.attention_head_dim, cases[i].is);
        close_subject(s);
    }
}

static void what_no_network_can_be_is_refused(void **state)
{
    (void)state;
    subject *s = open_subject();
    um_unet_config u;
    set(s, "model.class_conditional=true");
    assert_int_equal(um_unet_config_from_config(&s->ctx, &s->c, 1, 32, 32, 0, &u), UM_BAD_ARG);
    assert_non_null(strstr(s->ctx.message, "class_conditional"));
    set(s, "model.class_conditional=false");
    set(s, "model.channels=8,8,8,8,8,8,8,8,8");
    assert_int_equal(um_unet_config_from_config(&s->ctx, &s->c, 1, 32, 32, 0, &u), UM_BAD_ARG);
    assert_non_null(strstr(s->ctx.message, "model.channels"));
    set(s, "model.config=/nowhere/config.json");
    assert_int_equal(um_unet_config_from_config(&s->ctx, &s->c, 1, 32, 32, 0, &u), UM_BAD_FILE);
    assert_non_null(strstr(s->ctx.message, "/nowhere/config.json"));
    close_subject(s);
}

static void the_schedule_is_the_one_that_is_set(void **state)
{
    (void)state;
    subject *s = open_subject();
    um_schedule is, expected;
    um_schedule_settings k = { UM_SCHEDULE_COSINE, 77, 1e-3, 0.5, 0.02, 0.9, true };
    set(s, "diffusion.schedule=squaredcos_cap_v2");
    set(s, "diffusion.timesteps=77");
    set(s, "diffusion.beta_start=0.001");
    set(s, "diffusion.beta_end=0.5");
    set(s, "diffusion.cosine_s=0.02");
    set(s, "diffusion.max_beta=0.9");
    set(s, "diffusion.rescale_betas_zero_snr=true");
    for (int i = 0; i < 2; i++) {
        CHECK_OK(&s->ctx, um_schedule_from_config(&s->ctx, &s->c, &is));
        CHECK_OK(&s->ctx, um_schedule_init(&s->ctx, &expected, &k));
        assert_int_equal(is.timesteps, 77);
        assert_memory_equal(is.beta, expected.beta, 77 * sizeof *is.beta);
        um_schedule_free(&s->ctx, &is);
        um_schedule_free(&s->ctx, &expected);
        k.kind = UM_SCHEDULE_LINEAR;
        set(s, "diffusion.schedule=linear");
    }
    close_subject(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_said_is_the_sampler_s_own),
        cmocka_unit_test(a_sampler_s_own_steps_are_at_most_the_timesteps),
        cmocka_unit_test(what_config_ini_says_is_what_the_sampler_chose),
        cmocka_unit_test(guided_noise_follows_the_clipped_image),
        cmocka_unit_test(every_sampling_setting_arrives),
        cmocka_unit_test(settings_of_methods_arrive),
        cmocka_unit_test(every_training_setting_arrives),
        cmocka_unit_test(every_network_setting_arrives),
        cmocka_unit_test(a_classifier_has_a_score_for_each_class),
        cmocka_unit_test(label_dropout_adds_the_null_class),
        cmocka_unit_test(attention_stands_at_the_same_sizes_on_both_ways),
        cmocka_unit_test(a_head_wider_than_the_channels_is_one_head),
        cmocka_unit_test(what_no_network_can_be_is_refused),
        cmocka_unit_test(the_schedule_is_the_one_that_is_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
