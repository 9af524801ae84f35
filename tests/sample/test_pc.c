/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "drawing.h"
#include "trajectory.h"
#include "walk.h"

enum { STEPS = 6, CORRECTORS = 2, EACH = 1 + CORRECTORS };

static void score(double bar, const double *x, double *s)
{
    double x0[2];
    walk_mixture_x0(NULL, x, bar, x0);
    for (int i = 0; i < 2; i++) s[i] = -(x[i] - sqrt(bar) * x0[i]) / (1 - bar);
}

/* Song et al. 2021, algorithm 3, line 3. */
static void predictor(double bar, double bar_prev, const double *z, double *x)
{
    const double beta = 1 - bar / bar_prev;
    double s[2];
    score(bar, x, s);
    for (int i = 0; i < 2; i++)
        x[i] = (2 - sqrt(1 - beta)) * x[i] + beta * s[i] + sqrt(beta) * z[i];
}

/* Algorithm 5, lines 5 to 8. */
static void corrector(double bar, double alpha, double r, const double *z, double *x)
{
    double s[2];
    score(bar, x, s);
    const double ratio = r * hypot(z[0], z[1]) / hypot(s[0], s[1]), e = 2 * alpha * ratio * ratio;
    for (int i = 0; i < 2; i++) x[i] += e * s[i] + sqrt(2 * e) * z[i];
}

/* At whole timesteps of the discrete schedule alpha is that of its table. */
static void rows_do_what_the_algorithms_say(void **state)
{
    (void)state;
    um_sample_settings settings = drawing_settings("pc");
    settings.steps = STEPS; /* 996 timesteps from 999 to 3, 166 a step */
    settings.time_end = 3.0 / 999.0;
    settings.corrector_steps = CORRECTORS;
    settings.snr = 0.2;
    settings.denoise = false;
    drawing d;
    drawing_open(&d, &settings, 1000);
    assert_int_equal(d.plan.rows, STEPS * EACH);
    double z[2 * STEPS * EACH], got[2] = { 0.4, 1.2 }, want[2] = { 0.4, 1.2 };
    for (int k = 0; k < 2 * STEPS * EACH; k++) z[k] = sin(1.7 * k * k);
    walk(&d.plan, d.plan.rows, &(walk_model){ walk_mixture_x0, NULL }, 2, z, got);
    const double *next = z;
    for (int t = 999; t > 3; t -= 166) {
        const int to = t - 166;
        predictor(d.schedule.alpha_bar[t], d.schedule.alpha_bar[to], next, want);
        next += 2;
        for (int k = 0; k < CORRECTORS; k++, next += 2)
            corrector(d.schedule.alpha_bar[to], d.schedule.alpha[to], 0.2, next, want);
    }
    for (int k = 0; k < 2; k++) CHECK_NEAR(got[k], want[k], 1e-9);
    drawing_close(&d);
}

static void the_last_corrector_knows_the_alpha_of_timestep_0(void **state)
{
    (void)state;
    um_sample_settings settings = drawing_settings("pc");
    settings.steps = 3;
    drawing d;
    drawing_open(&d, &settings, 1000);
    assert_int_equal(d.plan.rows, 2 * 3 + 1);
    CHECK_NEAR(d.plan.row[5].langevin, 2 * d.schedule.alpha[0] * 0.16 * 0.16, 1e-12);
    assert_true(d.plan.row[6].next.x0 == 1.0 && d.plan.row[6].step == 2);
    drawing_close(&d);
}

/* Norms are those of single images. */
static void an_image_depends_on_its_number_alone(void **state)
{
    (void)state;
    enum { COUNT = 5, SIZE = 48 };
    um_sample_settings settings = drawing_settings("pc");
    settings.steps = 10;
    drawing d;
    drawing_open(&d, &settings, 1000);
    const um_denoiser model = trajectory_model();
    um_sample_request r = { .h = 4, .w = 4, .c = 3, .count = COUNT };
    float all[COUNT * SIZE], other[COUNT * SIZE];
    CHECK_OK(&d.ctx, um_sample_run(&d.ctx, &d.plan, &model, &r, all));
    for (r.batch = 1; r.batch < COUNT; r.batch++) {
        CHECK_OK(&d.ctx, um_sample_run(&d.ctx, &d.plan, &model, &r, other));
        assert_memory_equal(all, other, sizeof all);
    }
    assert_memory_not_equal(all, all + SIZE, SIZE * sizeof *all);
    drawing_close(&d);
}

/* Where the score is 0 there is nowhere to go, and no step size. */
static void a_score_of_0_leaves_x_alone(void **state)
{
    (void)state;
    um_sample_settings settings = drawing_settings("pc");
    settings.steps = 3;
    drawing d;
    drawing_open(&d, &settings, 1000);
    const double zero[2] = { 0, 0 }, z[2] = { 1, -1 };
    double out[2] = { 7, 7 };
    const um_step step = { .row = &d.plan.row[1], .n = 2, .size = 2, .x = zero, .x0 = zero,
                           .eps = zero, .noise = z, .out = out };
    settings.sampler->step(&step);
    assert_true(out[0] == 0.0 && out[1] == 0.0);
    drawing_close(&d);
}

static void correctors_out_of_range_are_refused(void **state)
{
    (void)state;
    um_sample_settings settings = drawing_settings("pc");
    settings.corrector_steps = 0;
    drawing d;
    drawing_open(&d, &settings, 1000);
    assert_int_equal(d.plan.rows, 501);
    um_sample_settings bad[4] = { settings, settings, settings, settings };
    bad[0].corrector_steps = 8;
    bad[1].corrector_steps = -1;
    bad[2].snr = 0.0;
    bad[3].snr = NAN;
    for (int i = 0; i < 4; i++) {
        um_plan p;
        assert_int_equal(um_plan_init(&d.ctx, &p, &bad[i], &d.schedule), UM_BAD_ARG);
        assert_null(p.row);
    }
    drawing_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_do_what_the_algorithms_say),
        cmocka_unit_test(the_last_corrector_knows_the_alpha_of_timestep_0),
        cmocka_unit_test(an_image_depends_on_its_number_alone),
        cmocka_unit_test(a_score_of_0_leaves_x_alone),
        cmocka_unit_test(correctors_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
