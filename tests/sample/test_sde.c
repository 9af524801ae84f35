/* SPDX-License-Identifier: MIT */
#include "sample/sde.h"

#include <math.h>

#include "drawing.h"

typedef struct process {
    um_ctx ctx;
    um_schedule schedule;
    um_sample_settings settings;
    um_sde sde;
} process;

static void open(process *p, um_sde_kind kind, um_schedule_kind schedule, bool zero_snr)
{
    *p = (process){ .settings = drawing_settings("sde_em") };
    um_ctx_init(&p->ctx);
    um_schedule_settings s = um_schedule_defaults();
    s.kind = schedule;
    s.zero_terminal_snr = zero_snr;
    p->settings.sde = kind;
    CHECK_OK(&p->ctx, um_schedule_init(&p->ctx, &p->schedule, &s));
    CHECK_OK(&p->ctx, um_sde_init(&p->ctx, &p->sde, &p->settings, &p->schedule));
}

static void close(process *p)
{
    um_sde_free(&p->ctx, &p->sde);
    um_schedule_free(&p->ctx, &p->schedule);
}

static const struct { um_sde_kind kind; um_schedule_kind schedule; bool zero_snr; } kinds[] = {
    { UM_SDE_VP, UM_SCHEDULE_LINEAR, false },
    { UM_SDE_DISCRETE, UM_SCHEDULE_LINEAR, false },
    { UM_SDE_DISCRETE, UM_SCHEDULE_LINEAR, true },
    { UM_SDE_DISCRETE, UM_SCHEDULE_COSINE, false },
    { UM_SDE_DISCRETE, UM_SCHEDULE_QUADRATIC, false },
    { UM_SDE_DISCRETE, UM_SCHEDULE_SIGMOID, false },
};

/* Between timesteps too, and at both ends; the noise always grows. */
static void beta_is_what_log_alpha_bar_falls_by(void **state)
{
    (void)state;
    for (size_t i = 0; i < UM_COUNT(kinds); i++) {
        process p;
        open(&p, kinds[i].kind, kinds[i].schedule, kinds[i].zero_snr);
        double before = um_sde_log_alpha_bar(&p.sde, 0.0);
        for (int k = 1; k < 7000; k++) {
            const double t = k / 7000.0, d = 1e-6;
            const double up = um_sde_log_alpha_bar(&p.sde, t + d);
            const double down = um_sde_log_alpha_bar(&p.sde, t - d);
            const double beta = um_sde_beta(&p.sde, t);
            CHECK_NEAR((down - up) / (2 * d), beta, 1e-5 + 1e-3 * beta);
            assert_true(beta > 0.0 && um_sde_log_alpha_bar(&p.sde, t) < before);
            before = um_sde_log_alpha_bar(&p.sde, t);
        }
        assert_true(um_sde_beta(&p.sde, 0.0) >= 0.0 && isfinite(um_sde_beta(&p.sde, 1.0)));
        close(&p);
    }
}

static void the_schedule_s_own_levels_stand_at_whole_timesteps(void **state)
{
    (void)state;
    process p;
    open(&p, UM_SDE_DISCRETE, UM_SCHEDULE_COSINE, false);
    for (int t = 0; t < 1000; t++) {
        const um_level at = um_sde_level(&p.sde, t / 999.0);
        CHECK_NEAR(at.t, t, 1e-9);
        CHECK_NEAR(at.alpha_bar, p.schedule.alpha_bar[t], 1e-12);
        CHECK_NEAR(um_sde_time(&p.sde, t), t / 999.0, 1e-15);
    }
    close(&p);
}

/* Song et al. 2021, eq. 33: alpha_bar(t) = exp(-t^2/2 (20 - 0.1) - 0.1 t). The schedule that Ho et
 * al. have is its discretization, near T = 1000. */
static void the_vp_process_is_the_paper_s(void **state)
{
    (void)state;
    process vp, linear;
    open(&vp, UM_SDE_VP, UM_SCHEDULE_COSINE, false);
    open(&linear, UM_SDE_DISCRETE, UM_SCHEDULE_LINEAR, false);
    for (int k = 0; k <= 10; k++) {
        const double t = k / 10.0, log_bar = -t * t / 2 * 19.9 - 0.1 * t;
        const um_level at = um_sde_level(&vp.sde, t);
        CHECK_NEAR(at.alpha_bar, exp(log_bar), 1e-14);
        CHECK_NEAR(at.t, 999 * t, 1e-9);
        CHECK_NEAR(um_sde_beta(&vp.sde, t), 0.1 + 19.9 * t, 1e-12);
        CHECK_NEAR(um_sde_log_alpha_bar(&linear.sde, t), log_bar, 0.01 * (1 - log_bar));
    }
    /* at an end beta goes on as it comes: half a timestep before the first fall */
    CHECK_NEAR(um_sde_beta(&linear.sde, 0.0) / 999, 1e-4 + 0.0199 / 999 / 2, 1e-7);
    close(&vp);
    close(&linear);
}

static void zero_terminal_snr_counts_as_the_least_alpha_bar(void **state)
{
    (void)state;
    process p;
    open(&p, UM_SDE_DISCRETE, UM_SCHEDULE_LINEAR, true);
    CHECK_NEAR(um_sde_log_alpha_bar(&p.sde, 1.0), log(UM_ALPHA_BAR_LEAST), 1e-12);
    close(&p);
}

/* 1 - u, 1 - u^2 and cos^2(pi/2 (u + s) / (1 + s)), squeezed to end at `end`. */
static void grids_are_those_of_the_formulas(void **state)
{
    (void)state;
    process p;
    open(&p, UM_SDE_VP, UM_SCHEDULE_LINEAR, false);
    assert_true(p.sde.end == 1e-3); /* the process' own, where the settings say 0 */
    p.sde.end = 0.0;
    CHECK_NEAR(um_sde_grid(&p.sde, 0.3), 0.7, 1e-15);
    p.sde.grid = UM_TIME_GRID_QUADRATIC;
    CHECK_NEAR(um_sde_grid(&p.sde, 0.3), 0.91, 1e-15);
    p.sde.grid = UM_TIME_GRID_COSINE;
    p.sde.grid_s = 0.5;
    CHECK_NEAR(um_sde_grid(&p.sde, 0.0), 0.75, 1e-15); /* cos^2(pi/6) */
    CHECK_NEAR(um_sde_grid(&p.sde, 0.25), 0.5, 1e-15); /* cos^2(pi/4) */
    CHECK_NEAR(um_sde_grid(&p.sde, 1.0), 0.0, 1e-15);
    p.sde.end = 0.2;
    CHECK_NEAR(um_sde_grid(&p.sde, 0.25), 0.6, 1e-15);
    CHECK_NEAR(um_sde_grid(&p.sde, 1.0), 0.2, 1e-15);
    close(&p);
}

/* -beta/2 x - weight beta score, with the score of data that are the single point x_0. */
static void drifts_have_the_score_at_their_weight(void **state)
{
    (void)state;
    process p;
    open(&p, UM_SDE_VP, UM_SCHEDULE_LINEAR, false);
    const double t = 0.4, x = 0.7, x0 = -0.2, bar = exp(-0.08 * 19.9 - 0.04), beta = 8.06;
    const double score = -(x - sqrt(bar) * x0) / (1.0 - bar);
    for (int k = 0; k < 2; k++) {
        const double weight = k ? 1.0 : 0.5;
        const um_drift d = um_sde_drift(&p.sde, t, weight);
        CHECK_NEAR(d.x * x + d.x0 * x0, -beta / 2 * x - weight * beta * score, 1e-12);
    }
    close(&p);
}

static void settings_out_of_range_are_refused(void **state)
{
    (void)state;
    process p;
    open(&p, UM_SDE_VP, UM_SCHEDULE_LINEAR, false);
    const um_sample_settings good = p.settings;
    um_sample_settings bad[6] = { good, good, good, good, good, good };
    bad[0].beta_min = 0.0;
    bad[1].beta_min = 30.0;
    bad[2].beta_max = NAN;
    bad[3].time_grid_s = -0.1;
    bad[4].time_end = 1.0;
    bad[5].time_end = -0.1;
    for (size_t i = 0; i < UM_COUNT(bad); i++) {
        um_sde sde;
        if (um_sde_init(&p.ctx, &sde, &bad[i], &p.schedule) != UM_BAD_ARG)
            fail_msg("case %zu is accepted", i);
    }
    um_schedule single;
    um_sde sde;
    um_schedule_settings one = um_schedule_defaults();
    one.timesteps = 1;
    one.beta_start = 0.5;
    CHECK_OK(&p.ctx, um_schedule_init(&p.ctx, &single, &one));
    assert_int_equal(um_sde_init(&p.ctx, &sde, &good, &single), UM_BAD_ARG);
    um_schedule_free(&p.ctx, &single);
    close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beta_is_what_log_alpha_bar_falls_by),
        cmocka_unit_test(the_schedule_s_own_levels_stand_at_whole_timesteps),
        cmocka_unit_test(the_vp_process_is_the_paper_s),
        cmocka_unit_test(zero_terminal_snr_counts_as_the_least_alpha_bar),
        cmocka_unit_test(grids_are_those_of_the_formulas),
        cmocka_unit_test(drifts_have_the_score_at_their_weight),
        cmocka_unit_test(settings_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
