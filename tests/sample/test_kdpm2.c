/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "exact.h"
#include "trajectory.h"

/* The timesteps of the middles are read off log sigma, which diffusers has in float32. */
static void diffusers_trajectories_are_reproduced(void **state)
{
    (void)state;
    static const char *const names[] = { "kdpm2-0-10", "kdpm2-0-37" };
    for (size_t i = 0; i < UM_COUNT(names); i++) {
        trajectory_check(names[i], STRIDE_LIST, 1e-5);
        trajectory_check_float32(names[i], 1e-6);
    }
}

static void it_is_of_second_order(void **state)
{
    (void)state;
    const um_sample_settings settings = drawing_settings("kdpm2");
    CHECK_NEAR(exact_order(&settings, 0), 2.0, 0.2);
}

static void the_last_step_is_eulers(void **state)
{
    (void)state;
    exact_last_step_is_eulers("kdpm2");
}

/* y_m = y + (sigma_m - sigma) d(y), y' = y + (sigma' - sigma) d(y_m), sigma_m^2 = sigma sigma'. */
static void a_step_is_the_midpoint_rule(void **state)
{
    (void)state;
    um_sample_settings settings = drawing_settings("kdpm2");
    settings.steps = 12;
    drawing d;
    drawing_open(&d, &settings, 1000);
    double past[UM_HISTORY_MAX] = { 0 }, y = 2.0, want = 2.0;
    for (int i = 0; i + 1 < 12; i++) {
        const double s0 = um_sigma_of(d.plan.level[i].alpha_bar);
        const double s1 = um_sigma_of(d.plan.level[i + 1].alpha_bar), m = sqrt(s0 * s1);
        const double guess = want + (m - s0) * (want - exact_x0(want, s0)) / s0;
        want += (s1 - s0) * (guess - exact_x0(guess, m)) / m;
        exact_row(settings.sampler, &d.plan.row[2 * i], &y, past);
        CHECK_NEAR(y, guess, 1e-12);
        exact_row(settings.sampler, &d.plan.row[2 * i + 1], &y, past);
        CHECK_NEAR(y, want, 1e-12);
        CHECK_NEAR(um_sigma_of(d.plan.row[2 * i + 1].alpha_bar), m, 1e-12 * m);
    }
    drawing_close(&d);
}

/* KDPM2DiscreteScheduler alone of its kin rounds the timesteps of Karras sigmas, not those of the
 * middles. */
static void karras_timesteps_are_rounded(void **state)
{
    (void)state;
    um_sample_settings settings = drawing_settings("kdpm2");
    settings.sigmas = UM_SIGMAS_KARRAS;
    settings.steps = 10;
    drawing d;
    drawing_open(&d, &settings, 1000);
    /* diffusers' list for heun and 10 steps (heun-1-10), rounded */
    static const int list[] = { 999, 937, 864, 775, 663, 511, 301, 102, 18, 0 };
    int whole = 0;
    for (int i = 0; i < 10; i++) assert_true(d.plan.row[2 * i].t == list[i]);
    for (int i = 0; i < 9; i++) whole += d.plan.row[2 * i + 1].t == rint(d.plan.row[2 * i + 1].t);
    assert_int_equal(whole, 0);
    drawing_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(diffusers_trajectories_are_reproduced),
        cmocka_unit_test(it_is_of_second_order),
        cmocka_unit_test(the_last_step_is_eulers),
        cmocka_unit_test(a_step_is_the_midpoint_rule),
        cmocka_unit_test(karras_timesteps_are_rounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
