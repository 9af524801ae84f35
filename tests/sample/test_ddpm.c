/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "trajectory.h"

/* Variants: defaults, fixed_large, no clipping, linspace, trailing with cosine, v, x0, dynamic
 * thresholding, steps_offset. */
static void diffusers_trajectories_are_reproduced(void **state)
{
    (void)state;
    for (int variant = 0; variant < 9; variant++)
        for (int steps = 10; steps <= 37; steps += 27) {
            char name[32];
            snprintf(name, sizeof name, "ddpm-%d-%d", variant, steps);
            trajectory_check(name, STRIDE_LIST, 1e-5);
        }
}

/* diffusers 0.42.1 takes the list's, older ones took a stride: linspace tells them apart. */
static void a_fixed_stride_would_be_seen(void **state)
{
    (void)state;
    assert_false(trajectory_check("ddpm-3-10", STRIDE_LIST, 1e-5));
    assert_false(trajectory_check("ddpm-3-37", STRIDE_LIST, 1e-5));
    assert_false(trajectory_check("ddpm-4-37", STRIDE_LIST, 1e-5));
}

/* The posterior between neighbours of the list, from the two Gaussians that it is the product of,
 * in precisions. */
static void the_previous_timestep_comes_from_the_list(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    const um_schedule_settings ss = um_schedule_defaults();
    um_schedule s;
    CHECK_OK(&ctx, um_schedule_init(&ctx, &s, &ss));
    const double list[] = { 998, 700, 699, 31, 4 };
    const um_sampler *ddpm;
    CHECK_OK(&ctx, um_sampler_find(&ctx, "ddpm", &ddpm));
    const um_sample_settings settings = um_sampler_defaults(ddpm);
    um_plan p;
    CHECK_OK(&ctx, um_plan_init_list(&ctx, &p, &settings, &s, list, 5));
    assert_int_equal(p.rows, 5);
    for (int i = 0; i < 4; i++) {
        const double bar = s.alpha_bar[(int)list[i]], prev = s.alpha_bar[(int)list[i + 1]];
        const double alpha = bar / prev, beta = 1.0 - alpha;
        const double precision = alpha / beta + 1.0 / (1.0 - prev);
        CHECK_NEAR(p.row[i].t_prev, list[i + 1], 0.0);
        CHECK_NEAR(p.row[i].next.x, sqrt(alpha) / beta / precision, 1e-9);
        CHECK_NEAR(p.row[i].next.x0, sqrt(prev) / (1.0 - prev) / precision, 1e-9);
        CHECK_NEAR(p.row[i].next.noise, sqrt(1.0 / precision), 1e-9);
        assert_true(p.row[i].next.eps == 0.0);
    }
    /* From t = 4 to the data: x_0 itself, without noise though t > 0. */
    CHECK_NEAR(p.row[4].next.x0, 1.0, 1e-12);
    assert_true(p.row[4].next.x == 0.0 && p.row[4].next.noise == 0.0 && p.row[4].draws);
    um_plan_free(&ctx, &p);
    um_schedule_free(&ctx, &s);
}

static void fixed_large_adds_the_variance_of_the_forward_step(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    const um_schedule_settings ss = um_schedule_defaults();
    um_schedule s;
    CHECK_OK(&ctx, um_schedule_init(&ctx, &s, &ss));
    const um_sampler *ddpm;
    CHECK_OK(&ctx, um_sampler_find(&ctx, "ddpm", &ddpm));
    um_sample_settings settings = um_sampler_defaults(ddpm);
    settings.variance = UM_VARIANCE_FIXED_LARGE;
    um_plan p;
    CHECK_OK(&ctx, um_plan_init(&ctx, &p, &settings, &s));
    assert_int_equal(p.rows, 1000);
    for (int i = 0; i < 999; i++) CHECK_NEAR(p.row[i].next.noise, sqrt(s.beta[999 - i]), 1e-9);
    assert_true(p.row[999].next.noise == 0.0);
    um_plan_free(&ctx, &p);
    /* diffusers adds sqrt(beta) here, as t > 0: noise on the finished image. */
    settings.spacing = UM_SPACING_TRAILING;
    settings.steps = 10;
    CHECK_OK(&ctx, um_plan_init(&ctx, &p, &settings, &s));
    assert_true(p.row[9].t == 99.0 && p.row[9].next.noise == 0.0 && p.row[9].draws);
    um_plan_free(&ctx, &p);
    um_schedule_free(&ctx, &s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(diffusers_trajectories_are_reproduced),
        cmocka_unit_test(a_fixed_stride_would_be_seen),
        cmocka_unit_test(the_previous_timestep_comes_from_the_list),
        cmocka_unit_test(fixed_large_adds_the_variance_of_the_forward_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
