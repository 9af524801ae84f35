/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "drawing.h"
#include "walk.h"

enum { COUNT = 24 };

/* Points in the plane, from a mixture of Gaussians, by its exact noise. */
static um_status mixture(void *user, int n, const float *x, const double *t, const int *labels,
                         float *out)
{
    (void)user, (void)labels;
    for (int i = 0; i < n; i++) {
        const double time = t[i] / 999, bar = exp(-time * time / 2 * 19.9 - 0.1 * time);
        const double at[2] = { (double)x[2 * i], (double)x[2 * i + 1] };
        double x0[2];
        walk_mixture_x0(NULL, at, bar, x0);
        for (int k = 0; k < 2; k++)
            out[2 * i + k] = (float)((at[k] - sqrt(bar) * x0[k]) / sqrt(1 - bar));
    }
    return UM_OK;
}

static um_sample_settings settings_of(const char *sampler)
{
    um_sample_settings s = drawing_settings(sampler);
    s.sde = UM_SDE_VP;
    s.time_end = 0.1;
    s.denoise = false;
    return s;
}

static void draw(const um_sample_settings *settings, float *out, um_sample_tally *tally)
{
    drawing d;
    drawing_open(&d, settings, 1000);
    d.ctx.threads = 1;
    *tally = (um_sample_tally){ 0 };
    const um_sample_request r = { .h = 1, .w = 2, .c = 1, .count = COUNT, .tally = tally };
    CHECK_OK(&d.ctx, um_sample_run(&d.ctx, &d.plan, &(um_denoiser){ mixture, NULL }, &r, out));
    drawing_close(&d);
}

/* Each of about ten steps may add the tolerance; a tenth of it leaves about a tenth of the error,
 * for steps that are shorter by the fifth root. */
static void the_error_follows_the_tolerance(void **state)
{
    (void)state;
    static const double tolerance[] = { 1e-4, 1e-5, 1e-6, 1e-7 };
    um_sample_settings fine = settings_of("ode_rk4");
    fine.steps = 1000;
    float want[2 * COUNT], got[2 * COUNT];
    um_sample_tally tally;
    draw(&fine, want, &tally);
    assert_true(tally.steps == 1000 * COUNT && tally.rejected == 0);
    double before = 0.0, steps_before = 0.0;
    for (size_t i = 0; i < UM_COUNT(tolerance); i++) {
        um_sample_settings s = settings_of("ode_adaptive");
        s.rtol = s.atol = tolerance[i];
        draw(&s, got, &tally);
        double squares = 0.0;
        for (int k = 0; k < 2 * COUNT; k++) squares += pow((double)got[k] - (double)want[k], 2);
        const double error = sqrt(squares / (2 * COUNT)), steps = (double)tally.steps / COUNT;
        if (!(error < 5.0 * tolerance[i])) fail_msg("tolerance %g: error %g", tolerance[i], error);
        if (i > 0) assert_true(error < 0.4 * before);
        if (i > 0) assert_true(steps < 2.0 * steps_before && steps > 1.2 * steps_before);
        before = error, steps_before = steps;
    }
}

/* An image whose step was given up ends where it would have ended with a shorter one. */
static void steps_are_given_up_where_they_were_too_long(void **state)
{
    (void)state;
    um_sample_settings s = settings_of("ode_adaptive");
    s.rtol = s.atol = 1e-6;
    float out[2 * COUNT];
    um_sample_tally tally;
    draw(&s, out, &tally);
    assert_true(tally.rejected > 0 && tally.rejected < tally.steps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_error_follows_the_tolerance),
        cmocka_unit_test(steps_are_given_up_where_they_were_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
