/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "trajectory.h"

/* Variants: defaults, eta 0.5, eta 1, no clipping, trailing, set_alpha_to_one = false with offset,
 * eta 1 with v, trailing with cosine, use_clipped_model_output. */
static void diffusers_trajectories_are_reproduced(void **state)
{
    (void)state;
    int strange = 0;
    for (int variant = 0; variant < 9; variant++)
        for (int steps = 10; steps <= 37; steps += 27) {
            char name[32];
            snprintf(name, sizeof name, "ddim-%d-%d", variant, steps);
            strange += !trajectory_check(name, STRIDE_FIXED, 1e-5);
        }
    assert_int_equal(strange, 2); /* ddim-4-37 and ddim-7-37, trailing */
}

static void files_whose_stride_is_right_need_no_correction(void **state)
{
    (void)state;
    static const char *const names[] = { "ddim-0-10", "ddim-0-37", "ddim-1-37", "ddim-2-10",
                                         "ddim-4-10", "ddim-5-37", "ddim-6-37", "ddim-8-37" };
    for (size_t i = 0; i < UM_COUNT(names); i++)
        assert_true(trajectory_check(names[i], STRIDE_LIST, 1e-5));
}

struct plans {
    um_ctx ctx;
    um_schedule schedule;
    um_plan plan;
};

static void open_plan(struct plans *p, um_sample_settings settings)
{
    um_ctx_init(&p->ctx);
    const um_schedule_settings ss = um_schedule_defaults();
    CHECK_OK(&p->ctx, um_schedule_init(&p->ctx, &p->schedule, &ss));
    CHECK_OK(&p->ctx, um_plan_init(&p->ctx, &p->plan, &settings, &p->schedule));
}

static void close_plan(struct plans *p)
{
    um_plan_free(&p->ctx, &p->plan);
    um_schedule_free(&p->ctx, &p->schedule);
}

static um_sample_settings settings_of(const char *name)
{
    um_ctx ctx;
    um_ctx_init(&ctx);
    const um_sampler *s;
    CHECK_OK(&ctx, um_sampler_find(&ctx, name, &s));
    return um_sampler_defaults(s);
}

/* trailing with 37 of 1000 steps, where diffusers' stride misses the list: eq. 12 and 16 from each
 * timestep to the next. */
static void the_previous_timestep_comes_from_the_list(void **state)
{
    (void)state;
    um_sample_settings settings = settings_of("ddim");
    settings.steps = 37;
    settings.spacing = UM_SPACING_TRAILING;
    settings.eta = 0.7;
    struct plans p;
    open_plan(&p, settings);
    for (int i = 0; i < 37; i++) {
        const double bar = p.schedule.alpha_bar[(int)p.plan.level[i].t];
        const double prev = i < 36 ? p.schedule.alpha_bar[(int)p.plan.level[i + 1].t] : 1.0;
        const double sigma = 0.7 * sqrt((1 - prev) / (1 - bar)) * sqrt(1 - bar / prev);
        const um_row *row = &p.plan.row[i];
        CHECK_NEAR(row->next.noise, sigma, 1e-12);
        CHECK_NEAR(row->next.x0, sqrt(prev), 1e-12);
        CHECK_NEAR(row->next.eps, sqrt(1 - prev - sigma * sigma), 1e-12);
        assert_true(row->next.x == 0.0);
    }
    close_plan(&p);
}

/* With eps = (x - sqrt(bar) x_0) / sqrt(1 - bar) the coefficients of x and x_0 must be ddpm's. */
static void eta_1_is_ddpm_with_the_posterior_variance(void **state)
{
    (void)state;
    um_sample_settings implicit = settings_of("ddim"), ancestral = settings_of("ddpm");
    implicit.eta = 1.0;
    implicit.spacing = ancestral.spacing = UM_SPACING_QUADRATIC;
    implicit.steps = ancestral.steps = 60;
    struct plans a, b;
    open_plan(&a, implicit);
    open_plan(&b, ancestral);
    assert_int_equal(a.plan.rows, b.plan.rows);
    for (int i = 0; i < a.plan.rows; i++) {
        const um_row *d = &a.plan.row[i], *p = &b.plan.row[i];
        const double signal = sqrt(d->alpha_bar), noise = sqrt(1.0 - d->alpha_bar);
        CHECK_NEAR(d->next.eps / noise, p->next.x, 1e-9);
        CHECK_NEAR(d->next.x0 - d->next.eps * signal / noise, p->next.x0, 1e-9);
        CHECK_NEAR(d->next.noise, p->next.noise, 1e-9);
    }
    close_plan(&a);
    close_plan(&b);
}

static void eta_outside_0_to_1_is_refused(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    const um_schedule_settings ss = um_schedule_defaults();
    um_schedule s;
    CHECK_OK(&ctx, um_schedule_init(&ctx, &s, &ss));
    static const double bad[] = { -0.1, 1.1, NAN };
    for (size_t i = 0; i < UM_COUNT(bad); i++) {
        um_sample_settings settings = settings_of("ddim");
        settings.eta = bad[i];
        um_plan p;
        assert_int_equal(um_plan_init(&ctx, &p, &settings, &s), UM_BAD_ARG);
        assert_null(p.row);
        assert_null(p.level);
    }
    um_schedule_free(&ctx, &s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(diffusers_trajectories_are_reproduced),
        cmocka_unit_test(files_whose_stride_is_right_need_no_correction),
        cmocka_unit_test(the_previous_timestep_comes_from_the_list),
        cmocka_unit_test(eta_1_is_ddpm_with_the_posterior_variance),
        cmocka_unit_test(eta_outside_0_to_1_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
