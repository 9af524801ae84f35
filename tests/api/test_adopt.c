/* SPDX-License-Identifier: MIT */
#include "adopting.h"

/* Command line, file, model, the sampler's own default: the first that speaks counts. */
static void options_give_way_to_command_and_file(void **state)
{
    (void)state;
    for (int given = 0; given < 8; given++) {
        subject *s = open_subject("DDIMScheduler");
        um_sample_settings set;
        by_command(s, "sample.sampler=ddim");
        if (given & 1) says(s, "steps_offset", "1");
        if (given & 2) by_file(s, "sample", "steps_offset", "2");
        if (given & 4) by_command(s, "sample.steps_offset=4");
        adopt(s);
        CHECK_OK(&s->ctx, um_sample_settings_from_config(&s->ctx, &s->c, &set));
        assert_int_equal(set.steps_offset, given & 4 ? 4 : given & 2 ? 2 : given & 1);
        close_subject(s);
    }
}

static void facts_of_training_always_count(void **state)
{
    (void)state;
    subject *s = open_subject("PNDMScheduler"); /* of whatever class */
    by_command(s, "diffusion.timesteps=50");
    by_command(s, "diffusion.schedule=linear");
    by_command(s, "diffusion.prediction_type=epsilon");
    by_file(s, "diffusion", "beta_start", "0.001");
    by_file(s, "diffusion", "beta_end", "0.03");
    says(s, "num_train_timesteps", "400");
    says(s, "beta_schedule", "scaled_linear");
    says(s, "beta_start", "0.00085");
    says(s, "beta_end", "0.012");
    says(s, "prediction_type", "v_prediction");
    adopt(s);
    assert_int_equal(s->c.diffusion_timesteps, 400);
    assert_string_equal(s->c.diffusion_schedule, "quadratic");
    assert_string_equal(s->c.diffusion_prediction_type, "v_prediction");
    assert_true(s->c.diffusion_beta_start == 0.00085 && s->c.diffusion_beta_end == 0.012);
    close_subject(s);
}

static void keep_line(void *user, um_log_level level, const char *text)
{
    assert_int_equal(level, UM_LOG_WARNING);
    um_text_add(user, "%s\n", text);
}

/* Adopt, and give the warnings; um_text_free. */
static um_text warnings_of(subject *s)
{
    const um_config asked = s->c;
    um_text told = { .ctx = &s->ctx };
    adopt(s);
    s->ctx.log = keep_line;
    s->ctx.log_user = &told;
    um_config_tell_overruled(&s->ctx, &asked, &s->c);
    s->ctx.log = NULL;
    assert_int_equal(told.status, UM_OK);
    return told;
}

static const struct {
    const char *key, *of_model, *section_key, *given, *warning;
} overruled[] = {
    { "num_train_timesteps", "400", "timesteps", "50",
      "diffusion.timesteps = 50 is overruled: the model was trained with 400\n" },
    { "beta_schedule", "squaredcos_cap_v2", "schedule", "scaled_linear",
      "diffusion.schedule = quadratic is overruled: the model was trained with cosine\n" },
    { "beta_start", "0.00085", "beta_start", "1e-3",
      "diffusion.beta_start = 0.001 is overruled: the model was trained with 0.00085\n" },
    { "beta_end", NULL, "beta_end", "0.5",
      "diffusion.beta_end = 0.5 is overruled: the model was trained with 0.02\n" },
    { "prediction_type", "sample", "prediction_type", "v_prediction",
      "diffusion.prediction_type = v_prediction is overruled: "
      "the model was trained with sample\n" },
    { "cosine_s", "0.1", "cosine_s", "0.2",
      "diffusion.cosine_s = 0.2 is overruled: the model was trained with 0.1\n" },
    { "max_beta", NULL, "max_beta", "0.9",
      "diffusion.max_beta = 0.9 is overruled: the model was trained with 0.999\n" },
};

static void each_fact_that_is_overruled_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < UM_COUNT(overruled); i++)
        for (int file = 0; file < 2; file++) {
            subject *s = open_subject("DDPMScheduler");
            char assignment[80];
            snprintf(assignment, sizeof assignment, "diffusion.%s=%s", overruled[i].section_key,
                     overruled[i].given);
            if (file) by_file(s, "diffusion", overruled[i].section_key, overruled[i].given);
            else by_command(s, assignment);
            if (overruled[i].of_model) says(s, overruled[i].key, overruled[i].of_model);
            um_text told = warnings_of(s);
            const char *text = told.data ? told.data : "";
            if (file) {
                assert_int_equal(strncmp(text, "a.ini:1: ", 9), 0);
                text += 9;
            }
            assert_string_equal(text, overruled[i].warning);
            um_text_free(&told);
            close_subject(s);
        }
}

/* The same value in other words, sampler options that won, and what was never given. */
static void nothing_is_told_of_settings_that_count(void **state)
{
    (void)state;
    subject *s = open_subject("DDIMScheduler");
    by_command(s, "sample.sampler=ddim");
    by_command(s, "diffusion.schedule=cosine");
    by_command(s, "diffusion.timesteps=400");
    by_file(s, "sample", "steps_offset", "2");
    says(s, "beta_schedule", "squaredcos_cap_v2");
    says(s, "num_train_timesteps", "400");
    says(s, "prediction_type", "sample");
    says(s, "steps_offset", "1");
    says(s, "clip_sample", "false");
    um_text told = warnings_of(s);
    assert_null(told.data);
    um_text_free(&told);
    close_subject(s);
}

/* An older file without a key means what diffusers took before there was the key. */
static void a_fact_that_is_not_said_is_diffusers_default(void **state)
{
    (void)state;
    subject *s = open_subject("DDPMScheduler");
    by_command(s, "diffusion.prediction_type=v_prediction");
    by_command(s, "diffusion.schedule=cosine");
    by_command(s, "diffusion.cosine_s=0.02");
    adopt(s);
    assert_string_equal(s->c.diffusion_prediction_type, "epsilon");
    assert_string_equal(s->c.diffusion_schedule, "linear");
    assert_true(s->c.diffusion_cosine_s == 0.008);
    close_subject(s);
}

/* Facts, so whatever is drawn with; a key that is there counts. */
static void some_classes_have_other_betas(void **state)
{
    (void)state;
    static const struct {
        const char *class_name, *schedule;
    } cases[] = {
        { "HeunDiscreteScheduler", "linear" },           { "KDPM2DiscreteScheduler", "linear" },
        { "KDPM2AncestralDiscreteScheduler", "linear" }, { "DPMSolverSDEScheduler", "linear" },
        { "LCMScheduler", "quadratic" },                 { "TCDScheduler", "quadratic" },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        subject *s = open_subject(cases[i].class_name);
        adopt(s);
        assert_string_equal(s->c.diffusion_schedule, cases[i].schedule);
        assert_true(s->c.diffusion_beta_start == 0.00085 && s->c.diffusion_beta_end == 0.012);
        close_subject(s);
        s = open_subject(cases[i].class_name);
        says(s, "beta_start", "0.0001");
        says(s, "beta_schedule", "sigmoid");
        adopt(s);
        assert_string_equal(s->c.diffusion_schedule, "sigmoid");
        assert_true(s->c.diffusion_beta_start == 0.0001 && s->c.diffusion_beta_end == 0.012);
        close_subject(s);
    }
}

/* A sampler, its class, an option that it has there, and whether it has arrived. */
typedef bool arrived_fn(const um_sample_settings *s);
#define IS(name, what) static bool is_##name(const um_sample_settings *s) { return what; }
IS(karras, s->sigmas == UM_SIGMAS_KARRAS)
IS(exponential, s->sigmas == UM_SIGMAS_EXPONENTIAL)
IS(leading, s->spacing == UM_SPACING_LEADING)
IS(least, s->final_sigmas == UM_FINAL_SIGMA_MIN)
IS(skipping, s->skip_prk_steps)
IS(to_one, s->set_alpha_to_one)
IS(clipped, s->clip_sample)
IS(offset, s->steps_offset == 1)
#undef IS

static const struct class_option {
    const char *sampler, *class_name, *key, *text;
    arrived_fn *arrived;
} class_options[] = {
    { "euler", "EulerDiscreteScheduler", "use_karras_sigmas", "true", is_karras },
    { "euler", "EulerDiscreteScheduler", "use_exponential_sigmas", "true", is_exponential },
    { "euler", "EulerDiscreteScheduler", "final_sigmas_type", "sigma_min", is_least },
    { "euler", "EulerDiscreteScheduler", "timestep_spacing", "leading", is_leading },
    { "euler_ancestral", "EulerAncestralDiscreteScheduler", "steps_offset", "1", is_offset },
    { "heun", "HeunDiscreteScheduler", "clip_sample", "true", is_clipped },
    { "heun", "HeunDiscreteScheduler", "use_karras_sigmas", "true", is_karras },
    { "kdpm2", "KDPM2DiscreteScheduler", "use_karras_sigmas", "true", is_karras },
    { "lms", "LMSDiscreteScheduler", "use_karras_sigmas", "true", is_karras },
    { "pndm", "PNDMScheduler", "skip_prk_steps", "true", is_skipping },
    { "pndm", "PNDMScheduler", "set_alpha_to_one", "true", is_to_one },
    { "pndm", "PNDMScheduler", "steps_offset", "1", is_offset },
};

static void options_of_each_class_arrive(void **state)
{
    (void)state;
    for (size_t i = 0; i < UM_COUNT(class_options); i++)
        for (int own = 0; own < 2; own++) {
            const struct class_option *k = &class_options[i];
            subject *s = open_subject(own ? k->class_name : "DDPMScheduler");
            char assignment[64];
            snprintf(assignment, sizeof assignment, "sample.sampler=%s", k->sampler);
            by_command(s, assignment);
            says(s, k->key, k->text);
            adopt(s);
            um_sample_settings set;
            CHECK_OK(&s->ctx, um_sample_settings_from_config(&s->ctx, &s->c, &set));
            if (k->arrived(&set) != own)
                fail_msg("%s: %s = %s of class %s", k->sampler, k->key, k->text,
                         own ? k->class_name : "DDPMScheduler");
            close_subject(s);
        }
}

static void options_that_we_do_not_have_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *key, *no, *yes;
    } cases[] = {
        { "use_beta_sigmas", "true", "false" },
        { "use_flow_sigmas", "true", "false" },
        { "timestep_type", "continuous", "discrete" },
        { "interpolation_type", "log_linear", "linear" },
        { "sigma_min", "0.02", NULL },
        { "sigma_max", "80", NULL },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++)
        for (int k = 0; k < 3; k++) {
            subject *s = open_subject(k < 2 ? "EulerDiscreteScheduler" : "HeunDiscreteScheduler");
            by_command(s, "sample.sampler=euler");
            const char *text = k == 1 ? cases[i].yes : cases[i].no;
            if (text) says(s, cases[i].key, text);
            const um_status st = um_config_adopt(&s->ctx, &s->c, &s->j);
            assert_int_equal(st, k == 0 ? UM_BAD_FILE : UM_OK);
            if (k == 0) CHECK_TOLD(&s->ctx, cases[i].key);
            close_subject(s);
        }
}

static void a_model_without_a_scheduler_leaves_all_as_it_is(void **state)
{
    (void)state;
    subject *s = open_subject(NULL);
    by_command(s, "diffusion.timesteps=50");
    adopt(s);
    CHECK_OK(&s->ctx, um_config_inherit(&s->ctx, &s->c, &s->j));
    assert_int_equal(s->c.diffusion_timesteps, 50);
    close_subject(s);
}

static void options_count_for_their_own_sampler_alone(void **state)
{
    (void)state;
    static const struct {
        const char *class_name, *sampler;
        bool counts;
    } cases[] = {
        { "DDPMScheduler", "sample.sampler=ddpm", true },
        { "DDIMScheduler", "sample.sampler=ddim", true },
        { "DDPMScheduler", "sample.sampler=ddim", false },
        { "DDIMScheduler", "sample.sampler=ddpm", false },
        { "DDPMScheduler", "sample.sampler=strided", false },
        { "PNDMScheduler", "sample.sampler=ddim", false },
        { "", "sample.sampler=ddim", false },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        subject *s = open_subject(cases[i].class_name);
        um_sample_settings set;
        by_command(s, cases[i].sampler);
        says(s, "clip_sample", "false");
        says(s, "timestep_spacing", "trailing");
        says(s, "variance_type", "fixed_large");
        says(s, "num_train_timesteps", "123");
        adopt(s);
        CHECK_OK(&s->ctx, um_sample_settings_from_config(&s->ctx, &s->c, &set));
        assert_int_equal(set.clip_sample, !cases[i].counts);
        assert_int_equal(set.spacing == UM_SPACING_TRAILING, cases[i].counts);
        assert_int_equal(set.variance == UM_VARIANCE_FIXED_LARGE, cases[i].counts);
        assert_int_equal(s->c.diffusion_timesteps, 123);
        close_subject(s);
    }
}

/* What a training here writes, and diffusers: a network that says more than the noise. */
static void a_learned_variance_is_drawn_with(void **state)
{
    (void)state;
    static const struct {
        const char *sampler, *said, *asked;
        um_variance variance;
    } cases[] = {
        { "ddpm", "learned_range", NULL, UM_VARIANCE_LEARNED_RANGE },
        { "strided", "learned_range", NULL, UM_VARIANCE_LEARNED_RANGE },
        { "ddpm", "learned", NULL, UM_VARIANCE_LEARNED },
        { "ddpm", "learned_range", "fixed_large", UM_VARIANCE_FIXED_LARGE },
        { "ddpm", "fixed_large", "learned_range", UM_VARIANCE_LEARNED_RANGE },
        { "ddpm", "fixed_small", NULL, UM_VARIANCE_FIXED_SMALL },
        { "strided", "fixed_large", NULL, UM_VARIANCE_FIXED_SMALL },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        subject *s = open_subject("DDPMScheduler");
        um_sample_settings set;
        char text[64];
        snprintf(text, sizeof text, "sample.sampler=%s", cases[i].sampler);
        by_command(s, text);
        snprintf(text, sizeof text, "sample.variance_type=%s", cases[i].asked);
        if (cases[i].asked) by_command(s, text);
        says(s, "variance_type", cases[i].said);
        adopt(s);
        CHECK_OK(&s->ctx, um_sample_settings_from_config(&s->ctx, &s->c, &set));
        assert_int_equal(set.variance, cases[i].variance);
        close_subject(s);
    }
}

/* The start of a new training: facts give way to what this training is told. */
static void inherited_facts_give_way(void **state)
{
    (void)state;
    subject *s = open_subject("DDPMScheduler");
    by_command(s, "diffusion.timesteps=50");
    by_file(s, "diffusion", "schedule", "cosine");
    says(s, "num_train_timesteps", "400");
    says(s, "beta_schedule", "linear");
    says(s, "prediction_type", "sample");
    CHECK_OK(&s->ctx, um_config_inherit(&s->ctx, &s->c, &s->j));
    assert_int_equal(s->c.diffusion_timesteps, 50);
    assert_string_equal(s->c.diffusion_schedule, "cosine");
    assert_string_equal(s->c.diffusion_prediction_type, "sample");
    close_subject(s);
}

static void what_cannot_be_followed_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *key, *text;
    } cases[] = {
        { "predict_epsilon", "false" },     { "rescale_betas_zero_snr", "perhaps" },
        { "beta_schedule", "laplace" },     { "prediction_type", "flow_prediction" },
        { "num_train_timesteps", "0" },     { "num_train_timesteps", "many" },
        { "beta_end", "2" },                { "variance_type", "learned_twice" },
        { "clip_sample", "1,0" },           { "cosine_s", "-1" },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        subject *s = open_subject("DDPMScheduler");
        by_command(s, "sample.sampler=ddpm");
        says(s, cases[i].key, cases[i].text);
        assert_int_equal(um_config_adopt(&s->ctx, &s->c, &s->j), UM_BAD_FILE);
        CHECK_TOLD(&s->ctx, "scheduler_config.json");
        CHECK_TOLD(&s->ctx, cases[i].key);
        close_subject(s);
    }
}

static const struct written_case {
    const char *settings[4];
    const char *schedule; /* in diffusers' words */
    bool own;             /* with the keys that are ours */
} written_cases[] = {
    { { "diffusion.timesteps=250", "diffusion.beta_start=3e-4" }, "linear", false },
    { { "diffusion.schedule=cosine", "diffusion.beta_end=0.5" }, "squaredcos_cap_v2", false },
    { { "diffusion.schedule=cosine", "diffusion.cosine_s=0.1", "diffusion.max_beta=0.99" },
      "squaredcos_cap_v2", true },
    { { "diffusion.schedule=quadratic", "diffusion.prediction_type=v_prediction" },
      "scaled_linear", false },
    { { "diffusion.schedule=sigmoid", "diffusion.prediction_type=sample" }, "sigmoid", false },
    { { "diffusion.schedule=linear", "diffusion.cosine_s=0.1" }, "linear", false },
    { { "diffusion.variance=learned_range" }, "linear", false },
    { { "diffusion.rescale_betas_zero_snr=true", "diffusion.prediction_type=v_prediction" },
      "linear", false },
};

/* What a training writes of itself gives whoever loads the model the same noise. */
static void what_is_written_is_read_back(void **state)
{
    scratch *f = *state;
    for (size_t i = 0; i < UM_COUNT(written_cases); i++) {
        const struct written_case *k = &written_cases[i];
        subject *a = open_subject(NULL), *b = open_subject(NULL);
        const char *path = scratch_path(f, "scheduler_config.json");
        um_schedule x, y;
        for (int n = 0; n < 4 && k->settings[n]; n++) by_command(a, k->settings[n]);
        CHECK_OK(&a->ctx, um_scheduler_from_config(&a->ctx, &a->c, &a->j));
        CHECK_OK(&a->ctx, um_scheduler_json_write(&a->ctx, &a->j, path));
        CHECK_OK(&b->ctx, um_scheduler_json_read(&b->ctx, &b->j, path));
        assert_string_equal(b->j.class_name, "DDPMScheduler");
        assert_string_equal(um_scheduler_json_get(&b->j, "beta_schedule"), k->schedule);
        assert_int_equal(um_scheduler_json_get(&b->j, "cosine_s") != NULL, k->own);
        assert_int_equal(um_scheduler_json_get(&b->j, "max_beta") != NULL, k->own);
        adopt(b);
        CHECK_OK(&a->ctx, um_schedule_from_config(&a->ctx, &a->c, &x));
        CHECK_OK(&b->ctx, um_schedule_from_config(&b->ctx, &b->c, &y));
        assert_int_equal(x.timesteps, y.timesteps);
        assert_memory_equal(x.beta, y.beta, (size_t)x.timesteps * sizeof *x.beta);
        assert_string_equal(a->c.diffusion_prediction_type, b->c.diffusion_prediction_type);
        assert_string_equal(a->c.diffusion_variance, b->c.diffusion_variance);
        um_schedule_free(&a->ctx, &x);
        um_schedule_free(&b->ctx, &y);
        close_subject(a);
        close_subject(b);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_give_way_to_command_and_file),
        cmocka_unit_test(facts_of_training_always_count),
        cmocka_unit_test(each_fact_that_is_overruled_is_told),
        cmocka_unit_test(nothing_is_told_of_settings_that_count),
        cmocka_unit_test(a_fact_that_is_not_said_is_diffusers_default),
        cmocka_unit_test(some_classes_have_other_betas),
        cmocka_unit_test(options_of_each_class_arrive),
        cmocka_unit_test(options_that_we_do_not_have_are_named),
        cmocka_unit_test(a_model_without_a_scheduler_leaves_all_as_it_is),
        cmocka_unit_test(options_count_for_their_own_sampler_alone),
        cmocka_unit_test(a_learned_variance_is_drawn_with),
        cmocka_unit_test(inherited_facts_give_way),
        cmocka_unit_test(what_cannot_be_followed_is_named),
        TEST(what_is_written_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
