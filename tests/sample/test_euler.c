/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "exact.h"
#include "support/scratch.h"
#include "trajectory.h"

/* Variants: defaults, Karras sigmas, exponential sigmas, trailing, s_churn with s_noise, v, leading
 * with offset. */
static void diffusers_trajectories_are_reproduced(void **state)
{
    (void)state;
    for (int variant = 0; variant < 7; variant++)
        for (int steps = 10; steps <= 37; steps += 27) {
            char name[32];
            snprintf(name, sizeof name, "euler-%d-%d", variant, steps);
            trajectory_check(name, STRIDE_LIST, 1e-5);
        }
}

/* Where Karras' and exponential sigmas end, and with them all fractional timesteps. */
static void what_is_left_comes_from_diffusers_float32(void **state)
{
    (void)state;
    static const char *const names[] = { "euler-1-10", "euler-1-37", "euler-2-10", "euler-2-37" };
    for (size_t i = 0; i < UM_COUNT(names); i++) trajectory_check_float32(names[i], 1e-6);
}

/* y' = x_0 + sigma' / sigma (y - x_0) is Song et al. 2021, eq. 12, divided by sqrt(alpha_bar). */
static void it_is_ddim_without_noise_on_the_same_levels(void **state)
{
    (void)state;
    for (int spacing = UM_SPACING_LEADING; spacing <= UM_SPACING_QUADRATIC; spacing++) {
        um_sample_settings euler = drawing_settings("euler"), ddim = drawing_settings("ddim");
        euler.spacing = ddim.spacing = (um_spacing)spacing;
        euler.steps = ddim.steps = 28; /* 27 divides 999: linspace is whole */
        drawing a, b;
        drawing_open(&a, &euler, 1000);
        drawing_open(&b, &ddim, 1000);
        assert_int_equal(a.plan.rows, b.plan.rows);
        for (int i = 0; i < a.plan.rows; i++) {
            const um_row *e = &a.plan.row[i], *d = &b.plan.row[i];
            const double bar = d->alpha_bar, signal = sqrt(bar), noise = sqrt(1.0 - bar);
            const double scale = sqrt(bar / d->alpha_bar_prev);
            CHECK_NEAR(e->next.x, d->next.eps / noise * scale, 1e-12);
            CHECK_NEAR(e->next.x0, (d->next.x0 - d->next.eps * signal / noise) * scale / signal,
                       1e-12);
            assert_true(e->next.noise == 0.0 && e->next.eps == 0.0 && !e->draws);
        }
        drawing_close(&a);
        drawing_close(&b);
    }
}

static void it_is_of_first_order(void **state)
{
    (void)state;
    const um_sample_settings settings = drawing_settings("euler");
    CHECK_NEAR(exact_order(&settings, 0), 1.0, 0.2);
}

static void one_step_gives_the_predicted_image(void **state)
{
    (void)state;
    um_sample_settings settings = drawing_settings("euler");
    settings.steps = 1;
    settings.spacing = UM_SPACING_TRAILING;
    drawing d;
    drawing_open(&d, &settings, 1000);
    assert_int_equal(d.plan.rows, 1);
    assert_true(d.plan.row[0].next.x == 0.0 && d.plan.row[0].next.x0 == 1.0);
    drawing_close(&d);
}

/* gamma = min(s_churn / steps, sqrt(2) - 1) where sigma is within s_tmin .. s_tmax. */
static void churn_adds_noise_between_its_bounds(void **state)
{
    (void)state;
    um_sample_settings settings = drawing_settings("euler");
    settings.steps = 10;
    settings.s_tmin = 0.5;
    settings.s_tmax = 50.0;
    settings.s_noise = 1.5;
    for (settings.s_churn = 2.0; settings.s_churn < 200.0; settings.s_churn *= 40.0) {
        const double gamma = settings.s_churn > 10.0 ? sqrt(2.0) - 1.0 : 0.2;
        int noisy = 0;
        drawing d;
        drawing_open(&d, &settings, 1000);
        for (int i = 0; i < d.plan.rows; i++) {
            const um_row *row = &d.plan.row[i];
            const double sigma = um_sigma_of(row->alpha_bar);
            const bool within = sigma >= 0.5 && sigma <= 50.0;
            const double want = within ? 1.5 * sigma * sqrt(gamma * (2.0 + gamma)) : 0.0;
            CHECK_NEAR(row->next.noise, want, 1e-12 * (1.0 + want));
            assert_int_equal(row->draws, within);
            noisy += within;
        }
        assert_true(noisy > 2 && noisy < 9);
        drawing_close(&d);
    }
}

static void churn_that_makes_no_sense_is_refused(void **state)
{
    (void)state;
    for (int k = 0; k < 5; k++) {
        um_sample_settings s = drawing_settings("euler");
        double *const value[] = { &s.s_churn, &s.s_tmin, &s.s_tmax, &s.s_noise, &s.s_noise };
        static const char *const told[] = { "sample.s_churn", "sample.s_tmin", "sample.s_tmax",
                                            "sample.s_noise", "sample.s_noise = inf" };
        *value[k] = k < 4 ? -1.0 : HUGE_VAL;
        um_ctx ctx;
        um_ctx_init(&ctx);
        const um_schedule_settings ss = um_schedule_defaults();
        um_schedule schedule;
        um_plan plan;
        CHECK_OK(&ctx, um_schedule_init(&ctx, &schedule, &ss));
        assert_int_equal(um_plan_init(&ctx, &plan, &s, &schedule), UM_BAD_ARG);
        CHECK_TOLD(&ctx, told[k]);
        um_schedule_free(&ctx, &schedule);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(diffusers_trajectories_are_reproduced),
        cmocka_unit_test(what_is_left_comes_from_diffusers_float32),
        cmocka_unit_test(it_is_ddim_without_noise_on_the_same_levels),
        cmocka_unit_test(it_is_of_first_order),
        cmocka_unit_test(one_step_gives_the_predicted_image),
        cmocka_unit_test(churn_adds_noise_between_its_bounds),
        cmocka_unit_test(churn_that_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
