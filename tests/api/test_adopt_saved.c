/* SPDX-License-Identifier: MIT */
#include "adopting.h"

#include <stdio.h>
#include <string.h>

/* A scheduler_config.json as diffusers 0.42.1 saves it; what all have in common is below. */
static const struct saved {
    const char *class_name, *sampler, *rest;
} saved[] = {
    { "DPMSolverMultistepScheduler", "dpmpp",
      "\"algorithm_type\": \"dpmsolver++\", \"euler_at_final\": false, "
      "\"final_sigmas_type\": \"zero\", \"lambda_min_clipped\": -Infinity, "
      "\"lower_order_final\": true, \"rescale_betas_zero_snr\": false, \"solver_type\": "
      "\"midpoint\", \"steps_offset\": 0, \"timestep_spacing\": \"linspace\", "
      "\"use_lu_lambdas\": false, \"variance_type\": null" },
    { "DPMSolverSinglestepScheduler", "dpmpp_single",
      "\"algorithm_type\": \"dpmsolver++\", \"final_sigmas_type\": \"zero\", "
      "\"lambda_min_clipped\": -Infinity, \"lower_order_final\": false, \"solver_type\": "
      "\"midpoint\", \"variance_type\": null" },
    { "UniPCMultistepScheduler", "unipc",
      "\"disable_corrector\": [], \"final_sigmas_type\": \"zero\", \"lower_order_final\": true, "
      "\"predict_x0\": true, \"rescale_betas_zero_snr\": false, \"shift_terminal\": null, "
      "\"sigma_max\": null, \"sigma_min\": null, \"solver_p\": null, \"solver_type\": \"bh2\", "
      "\"steps_offset\": 0, \"timestep_spacing\": \"linspace\"" },
    { "DEISMultistepScheduler", "deis",
      "\"algorithm_type\": \"deis\", \"lower_order_final\": true, \"solver_type\": \"logrho\", "
      "\"steps_offset\": 0, \"timestep_spacing\": \"linspace\"" },
};

static subject *open_saved(scratch *f, const struct saved *k)
{
    char text[2048];
    snprintf(text, sizeof text,
             "{\n  \"_class_name\": \"%s\",\n  \"_diffusers_version\": \"0.42.1\", \"beta_end\": "
             "0.02, \"beta_schedule\": \"linear\", \"beta_start\": 0.0001, "
             "\"dynamic_thresholding_ratio\": 0.995, \"flow_shift\": 1.0, "
             "\"num_train_timesteps\": 1000, \"prediction_type\": \"epsilon\", "
             "\"sample_max_value\": 1.0, \"solver_order\": 2, \"thresholding\": false, "
             "\"time_shift_type\": \"exponential\", \"trained_betas\": null, "
             "\"use_beta_sigmas\": false, \"use_dynamic_shifting\": false, "
             "\"use_exponential_sigmas\": false, \"use_flow_sigmas\": false, "
             "\"use_karras_sigmas\": false, %s\n}\n", k->class_name, k->rest);
    subject *s = open_subject(NULL);
    char assignment[64];
    snprintf(assignment, sizeof assignment, "sample.sampler=%s", k->sampler);
    by_command(s, assignment);
    CHECK_OK(&s->ctx, um_scheduler_json_read(&s->ctx, &s->j, scratch_write(f, "scheduler.json",
                                                                           text, strlen(text))));
    return s;
}

static void a_class_as_diffusers_saves_it_has_the_sampler_s_defaults(void **state)
{
    for (size_t i = 0; i < UM_COUNT(saved); i++) {
        subject *s = open_saved(*state, &saved[i]);
        um_sample_settings set;
        adopt(s);
        CHECK_OK(&s->ctx, um_sample_settings_from_config(&s->ctx, &s->c, &set));
        um_sample_settings own = um_sampler_defaults(set.sampler);
        assert_string_equal(set.sampler->class_name, saved[i].class_name);
        assert_int_equal(set.spacing, own.spacing);
        assert_int_equal(set.solver, own.solver);
        assert_int_equal(set.solver_order, own.solver_order);
        assert_int_equal(set.algorithm, own.algorithm);
        assert_int_equal(set.final_sigmas, own.final_sigmas);
        assert_int_equal(set.lower_order_final, own.lower_order_final);
        assert_int_equal(set.predict_x0, own.predict_x0);
        assert_int_equal(set.disable_corrector.n, 0);
        assert_true(set.lambda_min_clipped == own.lambda_min_clipped);
        assert_false(set.clip_sample || set.euler_at_final || set.sigmas != UM_SIGMAS_TRAINING);
        close_subject(s);
    }
}

static void options_of_solvers_are_taken_from_their_class(void **state)
{
    for (size_t i = 0; i < UM_COUNT(saved); i++) {
        subject *s = open_saved(*state, &saved[i]);
        um_sample_settings set;
        says(s, "solver_order", "3");
        says(s, "use_karras_sigmas", "true");
        says(s, "lower_order_final", i == 1 ? "true" : "false");
        says(s, "solver_type", i == 2 ? "bh1" : "heun");
        says(s, "algorithm_type", "dpmsolver");
        says(s, "euler_at_final", "true");
        says(s, "predict_x0", "false");
        says(s, "disable_corrector", "0,2");
        says(s, "lambda_min_clipped", "-5.1");
        adopt(s);
        CHECK_OK(&s->ctx, um_sample_settings_from_config(&s->ctx, &s->c, &set));
        assert_int_equal(set.solver_order, 3);
        assert_int_equal(set.sigmas, UM_SIGMAS_KARRAS);
        assert_int_equal(set.lower_order_final, i == 1);
        assert_int_equal(set.solver, i == 2 ? UM_SOLVER_BH1 : UM_SOLVER_HEUN);
        assert_int_equal(set.algorithm, UM_ALGORITHM_DPMSOLVER);
        assert_true(set.euler_at_final && !set.predict_x0 && set.lambda_min_clipped == -5.1);
        assert_true(set.disable_corrector.n == 2 && set.disable_corrector.v[1] == 2);
        close_subject(s);
    }
}

static void options_that_no_setting_has_are_refused_by_name(void **state)
{
    static const char *const keys[][2] = {
        { "use_beta_sigmas", "true" },      { "use_flow_sigmas", "true" },
        { "use_dynamic_shifting", "true" }, { "sigma_min", "0.03" },
        { "sigma_max", "80" },              { "shift_terminal", "0.1" },
        { "variance_type", "learnt" },      { "algorithm_type", "sde-dpmsolver" },
        { "lambda_min_clipped", "NaN" },    { "solver_order", "Infinity" },
        { "solver_type", "rk4" },
    };
    for (size_t i = 0; i < UM_COUNT(keys); i++) {
        subject *s = open_saved(*state, &saved[0]);
        says(s, keys[i][0], keys[i][1]);
        assert_int_equal(um_config_adopt(&s->ctx, &s->c, &s->j), UM_BAD_FILE);
        CHECK_TOLD(&s->ctx, keys[i][0]);
        by_command(s, "sample.sampler=ddim"); /* of another class, they are of no concern */
        adopt(s);
        close_subject(s);
    }
}

/* They count whatever is drawn with, as diffusers has them. */
static void trained_betas_are_the_schedule(void **state)
{
    (void)state;
    subject *s = open_subject("PNDMScheduler");
    um_schedule schedule;
    by_command(s, "diffusion.schedule=cosine");
    says(s, "num_train_timesteps", "3");
    says(s, "trained_betas", "0.25,0.5,0.75");
    adopt(s);
    CHECK_OK(&s->ctx, um_schedule_from_config(&s->ctx, &s->c, &schedule));
    assert_int_equal(schedule.timesteps, 3);
    assert_true(schedule.beta[0] == 0.25 && schedule.beta[2] == 0.75);
    assert_true(schedule.alpha_bar[2] == 0.75 * 0.5 * 0.25);
    um_schedule_free(&s->ctx, &schedule);
    close_subject(s);
}

static void trained_betas_that_cannot_be_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *betas, *told;
    } cases[] = {
        { "0.25,0.5", "trained_betas has 2 entries (num_train_timesteps is 3)" },
        { "0.25,0,0.5", "trained_betas: entry 1 is 0 (above 0 and below 1)" },
        { "0.25,0.5,1", "trained_betas: entry 2 is 1 (" },
        { "0.25,half,1", "key 'trained_betas' should be a list of numbers" },
        { "0.25", "key 'trained_betas' should be a list of numbers" },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        subject *s = open_subject("DDPMScheduler");
        says(s, "num_train_timesteps", "3");
        says(s, "trained_betas", cases[i].betas);
        assert_int_equal(um_config_adopt(&s->ctx, &s->c, &s->j), UM_BAD_FILE);
        CHECK_TOLD(&s->ctx, cases[i].told);
        assert_null(s->c.trained_betas);
        close_subject(s);
    }
}

/* A training that says its schedule has no use for the other model's. */
static void trained_betas_give_way_to_a_schedule(void **state)
{
    (void)state;
    for (int given = 0; given < 2; given++) {
        subject *s = open_subject("DDPMScheduler");
        if (given) by_command(s, "diffusion.schedule=cosine");
        says(s, "num_train_timesteps", "2");
        says(s, "trained_betas", "0.25,0.5");
        CHECK_OK(&s->ctx, um_config_inherit(&s->ctx, &s->c, &s->j));
        assert_int_equal(s->c.trained_betas == NULL, given);
        close_subject(s);
    }
}

/* diffusers' classes do not know it either; of another class, it is of no concern. */
static void a_key_that_no_scheduler_has_is_named(void **state)
{
    (void)state;
    for (int own = 0; own < 2; own++) {
        subject *s = open_subject("DDIMScheduler");
        by_command(s, own ? "sample.sampler=ddim" : "sample.sampler=ddpm");
        says(s, "skip_prk_steps", "true"); /* another class has it */
        says(s, "clip_samples", "true");
        const um_status status = um_config_adopt(&s->ctx, &s->c, &s->j);
        assert_int_equal(status, own ? UM_BAD_FILE : UM_OK);
        if (own) CHECK_TOLD(&s->ctx, "key 'clip_samples' is none of diffusers' schedulers'");
        close_subject(s);
    }
}

static void null_is_no_for_switches_and_nothing_else(void **state)
{
    scratch *f = *state;
    static const char json[] = "{\"_class_name\": \"DDIMScheduler\", \"clip_sample\": null, "
                               "\"set_alpha_to_one\": null, \"steps_offset\": null}";
    subject *s = open_subject(NULL);
    um_sample_settings set;
    by_command(s, "sample.sampler=ddim");
    CHECK_OK(&s->ctx,
             um_scheduler_json_read(&s->ctx, &s->j, scratch_write(f, "j", json, strlen(json))));
    adopt(s);
    CHECK_OK(&s->ctx, um_sample_settings_from_config(&s->ctx, &s->c, &set));
    assert_true(!set.clip_sample && !set.set_alpha_to_one && set.steps_offset == 0);
    close_subject(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_class_as_diffusers_saves_it_has_the_sampler_s_defaults),
        cmocka_unit_test(options_of_solvers_are_taken_from_their_class),
        cmocka_unit_test(options_that_no_setting_has_are_refused_by_name),
        cmocka_unit_test(trained_betas_are_the_schedule),
        cmocka_unit_test(trained_betas_that_cannot_be_are_named),
        cmocka_unit_test(trained_betas_give_way_to_a_schedule),
        cmocka_unit_test(a_key_that_no_scheduler_has_is_named),
        cmocka_unit_test(null_is_no_for_switches_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
