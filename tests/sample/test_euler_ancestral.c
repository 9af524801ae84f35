/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "drawing.h"
#include "trajectory.h"

/* Variants: defaults, trailing. */
static void diffusers_trajectories_are_reproduced(void **state)
{
    (void)state;
    static const char *const names[] = { "euler_ancestral-0-10", "euler_ancestral-0-37",
                                         "euler_ancestral-1-10", "euler_ancestral-1-37" };
    for (size_t i = 0; i < UM_COUNT(names); i++) trajectory_check(names[i], STRIDE_LIST, 1e-5);
}

/* The same mean and variance as ddpm with fixed_small, step by step, in x / sqrt(alpha_bar). */
static void it_is_ddpm_on_the_same_levels(void **state)
{
    (void)state;
    for (int spacing = UM_SPACING_LEADING; spacing <= UM_SPACING_QUADRATIC; spacing++) {
        um_sample_settings ours = drawing_settings("euler_ancestral");
        um_sample_settings ddpm = drawing_settings("ddpm");
        ours.spacing = ddpm.spacing = (um_spacing)spacing;
        ours.steps = ddpm.steps = 28; /* 27 divides 999: linspace is whole */
        drawing a, b;
        drawing_open(&a, &ours, 1000);
        drawing_open(&b, &ddpm, 1000);
        assert_int_equal(a.plan.rows, b.plan.rows);
        for (int i = 0; i < a.plan.rows; i++) {
            const um_row *e = &a.plan.row[i], *d = &b.plan.row[i];
            const double bar = d->alpha_bar, prev = d->alpha_bar_prev;
            CHECK_NEAR(e->next.x, d->next.x * sqrt(bar / prev), 1e-11);
            CHECK_NEAR(e->next.x0, d->next.x0 / sqrt(prev), 1e-11);
            CHECK_NEAR(e->next.noise, d->next.noise / sqrt(prev), 1e-11 * (1.0 + e->next.noise));
            assert_true(e->draws);
        }
        drawing_close(&a);
        drawing_close(&b);
    }
}

static void the_last_step_adds_no_noise(void **state)
{
    (void)state;
    um_sample_settings settings = drawing_settings("euler_ancestral");
    for (settings.steps = 1; settings.steps <= 3; settings.steps++) {
        drawing d;
        drawing_open(&d, &settings, 1000);
        const um_mix *m = &d.plan.row[d.plan.rows - 1].next;
        assert_true(m->noise == 0.0 && m->x == 0.0 && m->x0 == 1.0);
        drawing_close(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(diffusers_trajectories_are_reproduced),
        cmocka_unit_test(it_is_ddpm_on_the_same_levels),
        cmocka_unit_test(the_last_step_adds_no_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
