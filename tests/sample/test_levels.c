/* SPDX-License-Identifier: MIT */
#include "sample/levels.h"

#include <math.h>

#include "sample/sampler.h"
#include "support/check.h"

enum { STEPS = 12 };

typedef struct laid {
    um_ctx ctx;
    um_schedule schedule;
    um_sample_settings settings;
    um_level *level;
    int steps;
} laid;

static void open(laid *l, um_schedule_kind kind, bool zero_snr)
{
    *l = (laid){ .settings = { UM_SAMPLE_COMMON, .steps = STEPS } };
    um_ctx_init(&l->ctx);
    um_schedule_settings s = um_schedule_defaults();
    s.kind = kind;
    s.zero_terminal_snr = zero_snr;
    CHECK_OK(&l->ctx, um_schedule_init(&l->ctx, &l->schedule, &s));
}

static void lay(laid *l, um_level_rule rule)
{
    um_free(&l->ctx, l->level);
    CHECK_OK(&l->ctx, um_levels_lay(&l->ctx, &l->settings, &rule, &l->schedule, &l->level,
                                    &l->steps));
    for (int i = 0; i < l->steps; i++)
        assert_true(l->level[i + 1].alpha_bar > l->level[i].alpha_bar);
}

static void close(laid *l)
{
    um_free(&l->ctx, l->level);
    um_schedule_free(&l->ctx, &l->schedule);
}

static double sigma(const laid *l, int i) { return um_sigma_of(l->level[i].alpha_bar); }

static void timesteps_have_the_schedule_s_noise_and_end_at_the_data(void **state)
{
    (void)state;
    laid l;
    open(&l, UM_SCHEDULE_LINEAR, false);
    lay(&l, (um_level_rule){ 0 });
    assert_int_equal(l.steps, STEPS);
    for (int i = 0; i < STEPS; i++)
        assert_true(l.level[i].alpha_bar == l.schedule.alpha_bar[(int)l.level[i].t]);
    assert_true(l.level[STEPS].t == -1.0 && l.level[STEPS].alpha_bar == 1.0);
    close(&l);
}

/* Eq. 5 of EDM at its ends and in the middle, and ratios that are all the same. */
static void grids_span_the_schedule_or_the_list(void **state)
{
    (void)state;
    laid l;
    open(&l, UM_SCHEDULE_LINEAR, false);
    const double most = um_sigma_of(l.schedule.alpha_bar[999]);
    const double least = um_sigma_of(l.schedule.alpha_bar[0]);
    l.settings.sigmas = UM_SIGMAS_KARRAS;
    l.settings.steps = 3;
    lay(&l, (um_level_rule){ 0 });
    CHECK_NEAR(sigma(&l, 0), most, 1e-9 * most);
    CHECK_NEAR(pow(sigma(&l, 1), 1 / 7.0), (pow(most, 1 / 7.0) + pow(least, 1 / 7.0)) / 2, 1e-12);
    CHECK_NEAR(sigma(&l, 2), least, 1e-9);
    lay(&l, (um_level_rule){ .listed_ends = true }); /* leading: 666, 333, 0 */
    CHECK_NEAR(sigma(&l, 0), um_sigma_of(l.schedule.alpha_bar[666]), 1e-9);

    l.settings.steps = STEPS;
    for (int grid = UM_SIGMAS_EXPONENTIAL; grid <= UM_SIGMAS_LU_LAMBDAS; grid++) {
        l.settings.sigmas = (um_sigmas)grid;
        lay(&l, (um_level_rule){ 0 });
        const double ratio = pow(least / most, 1.0 / (STEPS - 1));
        for (int i = 1; i < STEPS; i++)
            CHECK_NEAR(sigma(&l, i) / sigma(&l, i - 1), ratio, 1e-9);
    }
    close(&l);
}

/* t is where the schedule has that sigma, whole where diffusers rounds. */
static void the_model_is_told_where_a_grid_s_level_stands(void **state)
{
    (void)state;
    laid l;
    open(&l, UM_SCHEDULE_LINEAR, false);
    l.settings.sigmas = UM_SIGMAS_KARRAS;
    lay(&l, (um_level_rule){ 0 });
    CHECK_NEAR(l.level[0].t, 999.0, 1e-6);
    CHECK_NEAR(l.level[STEPS - 1].t, 0.0, 1e-6);
    for (int i = 1; i < STEPS - 1; i++) {
        const int below = (int)l.level[i].t;
        assert_true(l.level[i].t > below);
        assert_true(sigma(&l, i) > um_sigma_of(l.schedule.alpha_bar[below]) &&
                    sigma(&l, i) < um_sigma_of(l.schedule.alpha_bar[below + 1]));
    }
    lay(&l, (um_level_rule){ .rounded = true });
    for (int i = 0; i < STEPS; i++) assert_true(l.level[i].t == rint(l.level[i].t));
    l.settings.sigmas = UM_SIGMAS_EXPONENTIAL;
    lay(&l, (um_level_rule){ .rounded = true });
    assert_true(l.level[1].t != rint(l.level[1].t));
    close(&l);
}

static void sigma_min_ends_at_timestep_0_where_that_is_below(void **state)
{
    (void)state;
    laid l;
    open(&l, UM_SCHEDULE_LINEAR, false);
    l.settings.final_sigmas = UM_FINAL_SIGMA_MIN;
    lay(&l, (um_level_rule){ .open = true }); /* the last timestep is above 0 */
    assert_true(l.level[STEPS].t == 0.0 && l.level[STEPS].alpha_bar == l.schedule.alpha_bar[0]);
    lay(&l, (um_level_rule){ 0 }); /* the last timestep is 0 already */
    assert_true(l.level[STEPS].alpha_bar == 1.0);
    close(&l);
}

/* The clipped timesteps of a cosine schedule are those near T; diffusers' recipe is -5.1. */
static void timesteps_below_lambda_min_are_left_out(void **state)
{
    (void)state;
    laid l;
    open(&l, UM_SCHEDULE_COSINE, false);
    l.settings.lambda_min_clipped = -5.1;
    l.settings.spacing = UM_SPACING_LINSPACE;
    lay(&l, (um_level_rule){ 0 });
    const int first = (int)l.level[0].t;
    assert_true(-log(um_sigma_of(l.schedule.alpha_bar[first])) >= -5.1);
    assert_true(-log(um_sigma_of(l.schedule.alpha_bar[first + 1])) < -5.1);
    l.settings.lambda_min_clipped = 20.0;
    um_level *level;
    int steps;
    assert_int_equal(um_levels_lay(&l.ctx, &l.settings, &(um_level_rule){ 0 }, &l.schedule, &level,
                                   &steps), UM_BAD_ARG);
    assert_null(level);
    close(&l);
}

static void pure_noise_has_a_finite_sigma_where_the_method_needs_one(void **state)
{
    (void)state;
    laid l;
    open(&l, UM_SCHEDULE_LINEAR, true);
    l.settings.spacing = UM_SPACING_TRAILING;
    l.settings.prediction = UM_PREDICTION_V;
    lay(&l, (um_level_rule){ 0 });
    assert_true(l.level[0].alpha_bar == 0.0);
    lay(&l, (um_level_rule){ .finite_sigma = true });
    assert_true(l.level[0].alpha_bar == UM_ALPHA_BAR_LEAST);
    l.settings.prediction = UM_PREDICTION_EPSILON; /* which says nothing about the image there */
    um_level *level;
    int steps;
    assert_int_equal(um_levels_lay(&l.ctx, &l.settings, &(um_level_rule){ .finite_sigma = true },
                                   &l.schedule, &level, &steps), UM_BAD_ARG);
    close(&l);
}

static void every_number_of_steps_gives_levels_that_rise(void **state)
{
    (void)state;
    static const um_level_rule rules[] = {
        { .open = true }, { .fractional = true, .listed_ends = true }, { .rounded = true },
    };
    laid l;
    open(&l, UM_SCHEDULE_COSINE, false);
    for (int steps = 1; steps <= 1000; steps += steps < 4 ? 1 : 83)
        for (int spacing = UM_SPACING_LEADING; spacing <= UM_SPACING_QUADRATIC; spacing++)
            for (size_t k = 0; k < UM_COUNT(rules); k++) {
                l.settings.steps = steps;
                l.settings.spacing = (um_spacing)spacing;
                l.settings.sigmas = UM_SIGMAS_TRAINING;
                lay(&l, rules[k]);
                if (spacing != UM_SPACING_QUADRATIC) assert_int_equal(l.steps, steps);
            }
    close(&l);
}

/* 1 - u^2 from timestep 999 to that of time_end, one level more than steps; then the data. */
static void continuous_levels_lie_on_the_time_grid(void **state)
{
    (void)state;
    laid l;
    open(&l, UM_SCHEDULE_LINEAR, false);
    l.settings = (um_sample_settings){ UM_SAMPLE_CONTINUOUS, .steps = 4, .time_end = 0.5,
                                       .time_grid = UM_TIME_GRID_QUADRATIC };
    for (int denoise = 1; denoise >= 0; denoise--) {
        l.settings.denoise = denoise;
        lay(&l, (um_level_rule){ .continuous = true });
        assert_int_equal(l.steps, 4 + denoise);
        for (int i = 0; i <= 4; i++)
            CHECK_NEAR(l.level[i].t, 999 * (0.5 + 0.5 * (1 - i * i / 16.0)), 1e-9);
        CHECK_NEAR(l.level[0].alpha_bar, l.schedule.alpha_bar[999], 1e-12);
        if (denoise) assert_true(l.level[5].t == -1.0 && l.level[5].alpha_bar == 1.0);
    }
    l.settings.steps = 0; /* as many as the model has timesteps */
    lay(&l, (um_level_rule){ .continuous = true });
    assert_int_equal(l.steps, 1000);
    l.settings.steps = -1;
    um_level *level;
    int steps;
    assert_int_equal(um_levels_lay(&l.ctx, &l.settings, &(um_level_rule){ .continuous = true },
                                   &l.schedule, &level, &steps), UM_BAD_ARG);
    assert_null(level);
    close(&l);
}

/* The process lifts an alpha_bar of 0, but that says no more about the image than it did. */
static void epsilon_on_a_schedule_that_ends_in_pure_noise_is_refused(void **state)
{
    (void)state;
    laid l;
    open(&l, UM_SCHEDULE_LINEAR, true);
    l.settings = (um_sample_settings){ UM_SAMPLE_CONTINUOUS, .steps = 4 };
    um_level *level;
    int steps;
    assert_int_equal(um_levels_lay(&l.ctx, &l.settings, &(um_level_rule){ .continuous = true },
                                   &l.schedule, &level, &steps), UM_BAD_ARG);
    l.settings.prediction = UM_PREDICTION_V;
    lay(&l, (um_level_rule){ .continuous = true });
    l.settings.prediction = UM_PREDICTION_EPSILON;
    l.settings.sde = UM_SDE_VP; /* whose alpha_bar is never 0 */
    lay(&l, (um_level_rule){ .continuous = true });
    close(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timesteps_have_the_schedule_s_noise_and_end_at_the_data),
        cmocka_unit_test(grids_span_the_schedule_or_the_list),
        cmocka_unit_test(the_model_is_told_where_a_grid_s_level_stands),
        cmocka_unit_test(sigma_min_ends_at_timestep_0_where_that_is_below),
        cmocka_unit_test(timesteps_below_lambda_min_are_left_out),
        cmocka_unit_test(pure_noise_has_a_finite_sigma_where_the_method_needs_one),
        cmocka_unit_test(every_number_of_steps_gives_levels_that_rise),
        cmocka_unit_test(continuous_levels_lie_on_the_time_grid),
        cmocka_unit_test(epsilon_on_a_schedule_that_ends_in_pure_noise_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
