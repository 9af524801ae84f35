/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "drawing.h"
#include "walk.h"

enum { STEPS = 8 };

static double alpha_bar(double t) { return exp(-t * t / 2 * 19.9 - 0.1 * t); }
static double g(double t) { return sqrt(0.1 + 19.9 * t); }

/* Back in time: g^2 (x/2 + score). */
static void drift(double t, const double *x, double *d)
{
    double x0[2];
    walk_mixture_x0(NULL, x, alpha_bar(t), x0);
    for (int i = 0; i < 2; i++)
        d[i] = g(t) * g(t) * (x[i] / 2 - (x[i] - sqrt(alpha_bar(t)) * x0[i]) / (1 - alpha_bar(t)));
}

static void textbook(double t, double h, const double *z, double *x)
{
    double from[2], to[2], guess[2];
    drift(t, x, from);
    for (int i = 0; i < 2; i++) guess[i] = x[i] + h * from[i] + g(t) * sqrt(h) * z[i];
    drift(t - h, guess, to);
    for (int i = 0; i < 2; i++)
        x[i] += h / 2 * (from[i] + to[i]) + (g(t) + g(t - h)) / 2 * sqrt(h) * z[i];
}

static void rows_do_what_the_textbook_does(void **state)
{
    (void)state;
    for (int denoise = 0; denoise < 2; denoise++) {
        um_sample_settings settings = drawing_settings("sde_heun");
        settings.steps = STEPS;
        settings.sde = UM_SDE_VP;
        settings.time_end = 0.01;
        settings.denoise = denoise;
        drawing d;
        drawing_open(&d, &settings, 1000);
        assert_int_equal(d.plan.rows, 2 * STEPS + denoise);
        double z[2 * (2 * STEPS + 1)], got[2] = { 0.4, 1.2 }, want[2] = { 0.4, 1.2 };
        for (int k = 0; k < 2 * (2 * STEPS + 1); k++) z[k] = sin(1.7 * k * k);
        walk(&d.plan, d.plan.rows, &(walk_model){ walk_mixture_x0, NULL }, 2, z, got);
        const double h = 0.99 / STEPS;
        for (int i = 0; i < STEPS; i++) textbook(1.0 - i * h, h, z + 4 * i, want);
        if (denoise) walk_mixture_x0(NULL, (double[]){ want[0], want[1] }, alpha_bar(0.01), want);
        for (int k = 0; k < 2; k++) CHECK_NEAR(got[k], want[k], 1e-11);
        drawing_close(&d);
    }
}

/* One draw a step: the second row only puts the first one's right. */
static void noise_is_drawn_once_a_step(void **state)
{
    (void)state;
    um_sample_settings settings = drawing_settings("sde_heun");
    settings.steps = 5;
    drawing d;
    drawing_open(&d, &settings, 1000);
    assert_int_equal(d.plan.rows, 11);
    for (int i = 0; i < 11; i++) {
        const um_row *row = &d.plan.row[i];
        const bool first = i % 2 == 0 && i < 10;
        assert_true((row->next.noise != 0.0) == first && row->draws == first);
        assert_int_equal(row->step, i < 10 ? i / 2 : 4);
    }
    drawing_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_do_what_the_textbook_does),
        cmocka_unit_test(noise_is_drawn_once_a_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
