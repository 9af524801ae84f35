/* SPDX-License-Identifier: MIT */
#include "sample/sigma_space.h"

#include <math.h>

#include "drawing.h"

/* The samplers that live in sigma. */
static const char *const names[] = { "euler", "euler_ancestral", "heun", "kdpm2", "lms" };

/* diffusers' init_noise_sigma of all these classes, as its source has it. */
static void the_first_state_has_diffusers_deviation(void **state)
{
    (void)state;
    static const struct { um_spacing spacing; double image; } cases[] = {
        { UM_SPACING_LINSPACE, 0.0 },
        { UM_SPACING_TRAILING, 0.0 },
        { UM_SPACING_LEADING, 1.0 },
        { UM_SPACING_QUADRATIC, 1.0 },
    };
    for (size_t n = 0; n < UM_COUNT(names); n++)
        for (size_t i = 0; i < UM_COUNT(cases); i++) {
            um_sample_settings settings = drawing_settings(names[n]);
            settings.spacing = cases[i].spacing;
            settings.steps = 20;
            drawing d;
            drawing_open(&d, &settings, 1000);
            const double sigma = um_sigma_of(d.plan.level[0].alpha_bar);
            CHECK_NEAR(d.plan.init_scale, sqrt(sigma * sigma + cases[i].image), 1e-12 * sigma);
            drawing_close(&d);
        }
}

static void the_model_is_shown_unit_variance(void **state)
{
    (void)state;
    for (size_t n = 0; n < UM_COUNT(names); n++) {
        const um_sample_settings settings = drawing_settings(names[n]);
        drawing d;
        drawing_open(&d, &settings, 1000);
        for (int i = 0; i < d.plan.rows; i++) {
            const um_row *row = &d.plan.row[i];
            const double sigma = um_sigma_of(row->alpha_bar);
            CHECK_NEAR(row->scale, 1.0 / sqrt(1.0 + sigma * sigma), 1e-15);
        }
        drawing_close(&d);
    }
}

static void defaults_are_those_of_diffusers(void **state)
{
    (void)state;
    for (size_t n = 0; n < UM_COUNT(names); n++) {
        const um_sample_settings s = drawing_settings(names[n]);
        assert_true(s.spacing == UM_SPACING_LINSPACE && s.steps == 50 && !s.clip_sample);
        assert_true(s.steps_offset == 0 && s.sigmas == UM_SIGMAS_TRAINING);
        assert_true(s.final_sigmas == UM_FINAL_ZERO && s.prediction == UM_PREDICTION_EPSILON);
        assert_true(s.s_churn == 0.0 && s.s_tmin == 0.0 && isinf(s.s_tmax) && s.s_noise == 1.0);
    }
}

/* linspace is not rounded: the model is told 972.97, at the sigma that lies there. */
static void timesteps_are_fractional(void **state)
{
    (void)state;
    um_sample_settings settings = drawing_settings("euler");
    settings.steps = 38;
    drawing d;
    drawing_open(&d, &settings, 1000);
    CHECK_NEAR(d.plan.level[1].t, 972.0, 1e-9);
    CHECK_NEAR(d.plan.level[2].t, 945.0, 1e-9);
    settings.steps = 37;
    drawing_close(&d);
    drawing_open(&d, &settings, 1000);
    CHECK_NEAR(d.plan.level[1].t, 999.0 - 999.0 / 36, 1e-9);
    const double s = um_sigma_of(d.plan.level[1].alpha_bar);
    assert_true(s > um_sigma_of(d.schedule.alpha_bar[971]) &&
                s < um_sigma_of(d.schedule.alpha_bar[972]));
    drawing_close(&d);
}

static void a_derivative_that_is_followed_to_zero_gives_x0(void **state)
{
    (void)state;
    const um_mix m = um_along(3.0, -3.0), half = um_along(3.0, -1.5);
    assert_true(m.x == 0.0 && m.x0 == 1.0);
    assert_true(half.x == 0.5 && half.x0 == 0.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_state_has_diffusers_deviation),
        cmocka_unit_test(the_model_is_shown_unit_variance),
        cmocka_unit_test(defaults_are_those_of_diffusers),
        cmocka_unit_test(timesteps_are_fractional),
        cmocka_unit_test(a_derivative_that_is_followed_to_zero_gives_x0),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
