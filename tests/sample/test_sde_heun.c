/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "textbook.h"

static double g(double t) { return sqrt(0.1 + 19.9 * t); }

/* Back in time: g^2 (x/2 + score). */
static void drift(double t, const double *x, double *d)
{
    const double bar = textbook_alpha_bar(t);
    double x0[2];
    walk_mixture_x0(NULL, x, bar, x0);
    for (int i = 0; i < 2; i++)
        d[i] = g(t) * g(t) * (x[i] / 2 - (x[i] - sqrt(bar) * x0[i]) / (1 - bar));
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
    textbook_check("sde_heun", 2, textbook);
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
