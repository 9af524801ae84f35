/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "exact.h"
#include "trajectory.h"

/* Variants: betas of ddpm, the same with Karras sigmas. */
static void diffusers_trajectories_are_reproduced(void **state)
{
    (void)state;
    static const char *const names[] = { "heun-0-10", "heun-0-37", "heun-1-10", "heun-1-37" };
    for (size_t i = 0; i < UM_COUNT(names); i++) trajectory_check(names[i], STRIDE_LIST, 1e-5);
    trajectory_check_float32("heun-1-10", 1e-6);
    trajectory_check_float32("heun-1-37", 1e-6);
}

static void it_is_of_second_order(void **state)
{
    (void)state;
    const um_sample_settings settings = drawing_settings("heun");
    CHECK_NEAR(exact_order(&settings, 0), 2.0, 0.2);
}

static void the_last_step_is_eulers(void **state)
{
    (void)state;
    exact_last_step_is_eulers("heun");
    um_sample_settings settings = drawing_settings("heun");
    settings.steps = 3;
    settings.spacing = UM_SPACING_TRAILING;
    settings.final_sigmas = UM_FINAL_SIGMA_MIN;
    drawing d;
    drawing_open(&d, &settings, 1000);
    assert_int_equal(d.plan.rows, 6);
    drawing_close(&d);
}

/* By hand: y_1 = y + h d_1, y' = y + h (d_1 + d_2) / 2 (algorithm 1, lines 3 to 8). */
static void a_step_is_that_of_algorithm_1(void **state)
{
    (void)state;
    um_sample_settings settings = drawing_settings("heun");
    settings.steps = 12;
    drawing d;
    drawing_open(&d, &settings, 1000);
    double past[UM_HISTORY_MAX] = { 0 }, y = 2.0, want = 2.0;
    for (int i = 0; i + 1 < 12; i++) {
        const double s0 = um_sigma_of(d.plan.level[i].alpha_bar);
        const double s1 = um_sigma_of(d.plan.level[i + 1].alpha_bar), h = s1 - s0;
        const double d1 = (want - exact_x0(want, s0)) / s0;
        const double guess = want + h * d1, d2 = (guess - exact_x0(guess, s1)) / s1;
        want += h * (d1 + d2) / 2.0;
        exact_row(settings.sampler, &d.plan.row[2 * i], &y, past);
        CHECK_NEAR(y, guess, 1e-12);
        exact_row(settings.sampler, &d.plan.row[2 * i + 1], &y, past);
        CHECK_NEAR(y, want, 1e-12);
    }
    drawing_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(diffusers_trajectories_are_reproduced),
        cmocka_unit_test(it_is_of_second_order),
        cmocka_unit_test(the_last_step_is_eulers),
        cmocka_unit_test(a_step_is_that_of_algorithm_1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
