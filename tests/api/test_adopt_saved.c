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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_class_as_diffusers_saves_it_has_the_sampler_s_defaults),
        cmocka_unit_test(options_of_solvers_are_taken_from_their_class),
        cmocka_unit_test(options_that_no_setting_has_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
