/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "textbook.h"

/* Song et al. 2021, eq. 6 with f = -beta/2 x, g^2 = beta, a step of h back in time:
 * x + h (beta/2 x + beta score) + sqrt(beta h) z. */
static void textbook(double t, double h, const double *z, double *x)
{
    const double bar = textbook_alpha_bar(t), beta = 0.1 + 19.9 * t;
    double x0[2];
    walk_mixture_x0(NULL, x, bar, x0);
    for (int i = 0; i < 2; i++) {
        const double score = -(x[i] - sqrt(bar) * x0[i]) / (1 - bar);
        x[i] += h * (beta / 2 * x[i] + beta * score) + sqrt(beta * h) * z[i];
    }
}

static void rows_do_what_the_paper_says(void **state)
{
    (void)state;
    textbook_check("sde_em", 1, textbook);
}

static void it_takes_1000_steps_and_denoises_unless_told_otherwise(void **state)
{
    (void)state;
    const um_sample_settings settings = drawing_settings("sde_em");
    drawing d;
    drawing_open(&d, &settings, 1000);
    assert_int_equal(d.plan.rows, 1001);
    const um_row *last = &d.plan.row[1000];
    assert_int_equal(last->step, 999);
    assert_true(last->t == 0.0 && last->next.x0 == 1.0 && last->next.noise == 0.0);
    assert_true(!last->draws && d.plan.row[999].draws);
    drawing_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_do_what_the_paper_says),
        cmocka_unit_test(it_takes_1000_steps_and_denoises_unless_told_otherwise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
