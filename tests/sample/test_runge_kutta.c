/* SPDX-License-Identifier: MIT */
#include "sample/runge_kutta.h"

#include <math.h>
#include <string.h>

#include "drawing.h"
#include "walk.h"

static const struct table_case { const char *name; const um_tableau *table; int order; } cases[] = {
    { "euler", &um_euler_tableau, 1 }, { "heun", &um_heun_tableau, 2 },
    { "rk4", &um_rk4_tableau, 4 }, { "dormand_prince", &um_dormand_prince_tableau, 5 },
};

/* Butcher's conditions up to order 4: b.1, b.c, b.c^2, b.Ac, b.c^3, b.cAc, b.Ac^2, b.AAc; of order
 * 5 there are 9 more, of which the quadrature and the longest chain stand here. `b` may be e. */
static void conditions(const um_tableau *k, const double *b, double out[10])
{
    double ac[UM_STAGES_MAX] = { 0 }, ac2[UM_STAGES_MAX] = { 0 }, aac[UM_STAGES_MAX] = { 0 },
           aaac[UM_STAGES_MAX] = { 0 };
    for (int i = 0; i < k->stages; i++)
        for (int j = 0; j < i; j++) {
            ac[i] += k->a[i][j] * k->c[j];
            ac2[i] += k->a[i][j] * k->c[j] * k->c[j];
            aac[i] += k->a[i][j] * ac[j];
            aaac[i] += k->a[i][j] * aac[j];
        }
    memset(out, 0, 10 * sizeof *out);
    for (int i = 0; i < k->stages; i++) {
        const double c = k->c[i];
        const double term[10] = { 1, c, c * c, ac[i], c * c * c, c * ac[i], ac2[i], aac[i],
                                  c * c * c * c, aaac[i] };
        for (int n = 0; n < 10; n++) out[n] += b[i] * term[n];
    }
}

static const int order_of[10] = { 1, 2, 3, 3, 4, 4, 4, 4, 5, 5 };

static void tables_meet_the_conditions_of_their_order(void **state)
{
    (void)state;
    static const double wanted[10] = { 1, 1 / 2., 1 / 3., 1 / 6., 1 / 4., 1 / 8., 1 / 12., 1 / 24.,
                                       1 / 5., 1 / 120. };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        const um_tableau *k = cases[i].table;
        double got[10];
        conditions(k, k->b, got);
        int broken = 0;
        for (int n = 0; n < 10; n++) {
            if (order_of[n] <= cases[i].order) CHECK_NEAR(got[n], wanted[n], 1e-14);
            else broken += fabs(got[n] - wanted[n]) > 1e-6;
        }
        assert_true(broken > 0 || cases[i].order == 5);
        for (int j = 0; j < k->stages; j++) {
            double row = 0.0;
            for (int m = 0; m < k->stages; m++) row += k->a[j][m];
            CHECK_NEAR(row, k->c[j], 1e-14);
        }
    }
}

/* The embedded method has order 4, not 5; the last stage stands where the step leads. */
static void dormand_and_prince_s_error_is_of_order_4(void **state)
{
    (void)state;
    const um_tableau *k = &um_dormand_prince_tableau;
    double got[10];
    conditions(k, k->e, got);
    for (int n = 0; n < 10; n++)
        if (order_of[n] <= 4) CHECK_NEAR(got[n], 0.0, 1e-15);
    assert_true(fabs(got[8]) > 1e-4);
    assert_memory_equal(k->a[6], k->b, sizeof k->b);
}

/* The flow at a state, from the paper: -beta/2 x - beta/2 score. */
static void flow(double time, const double *x, double *k)
{
    const double bar = exp(-time * time / 2 * 19.9 - 0.1 * time), beta = 0.1 + 19.9 * time;
    double x0[2];
    walk_mixture_x0(NULL, x, bar, x0);
    for (int i = 0; i < 2; i++)
        k[i] = -beta / 2 * x[i] + beta / 2 * (x[i] - sqrt(bar) * x0[i]) / (1 - bar);
}

/* The textbook's loop: every stage from the step's first x. */
static void textbook(const um_tableau *table, const double *times, int steps, double *x)
{
    for (int n = 0; n < steps; n++) {
        const double h = times[n + 1] - times[n];
        double k[UM_STAGES_MAX][2];
        for (int j = 0; j < table->stages; j++) {
            double at[2] = { x[0], x[1] };
            for (int m = 0; m < j; m++)
                for (int i = 0; i < 2; i++) at[i] += h * table->a[j][m] * k[m][i];
            flow(times[n] + table->c[j] * h, at, k[j]);
        }
        for (int j = 0; j < table->stages; j++)
            for (int i = 0; i < 2; i++) x[i] += h * table->b[j] * k[j][i];
    }
}

static void rows_do_what_the_textbook_does(void **state)
{
    (void)state;
    enum { STEPS = 9 };
    static const char *const samplers[] = { "ode_euler", "ode_heun", "ode_rk4" };
    for (size_t i = 0; i < UM_COUNT(samplers); i++) {
        um_sample_settings settings = drawing_settings(samplers[i]);
        settings.steps = STEPS;
        settings.sde = UM_SDE_VP;
        settings.time_grid = UM_TIME_GRID_QUADRATIC;
        settings.denoise = i == 1;
        drawing d;
        drawing_open(&d, &settings, 1000);
        assert_int_equal(d.plan.rows, STEPS * cases[i].table->stages + settings.denoise);
        double times[STEPS + 1], got[2] = { 0.8, -1.1 }, want[2] = { 0.8, -1.1 };
        for (int k = 0; k <= STEPS; k++)
            times[k] = 0.001 + 0.999 * (1.0 - k * k / (double)(STEPS * STEPS));
        walk(&d.plan, d.plan.rows, &(walk_model){ walk_mixture_x0, NULL }, 2, NULL, got);
        textbook(cases[i].table, times, STEPS, want);
        if (settings.denoise)
            walk_mixture_x0(NULL, (double[]){ want[0], want[1] }, d.plan.level[STEPS].alpha_bar,
                            want);
        for (int k = 0; k < 2; k++) CHECK_NEAR(got[k], want[k], 1e-11);
        drawing_close(&d);
    }
}

static void rows_say_where_they_stand_and_lead(void **state)
{
    (void)state;
    um_sample_settings settings = drawing_settings("ode_rk4");
    settings.steps = 3;
    drawing d;
    drawing_open(&d, &settings, 1000);
    static const double t[] = { 999, 832.5, 832.5, 666, 666, 499.5, 499.5, 333,
                                333, 166.5, 166.5, 0,   0,   -1 };
    assert_int_equal(d.plan.rows, 13);
    for (int i = 0; i < 13; i++) {
        const um_row *row = &d.plan.row[i];
        assert_int_equal(row->step, i < 12 ? i / 4 : 2);
        CHECK_NEAR(row->t, t[i], 1e-9);
        if (i % 4 != 3) CHECK_NEAR(row->t_prev, t[i + 1], 1e-9);
        assert_true(row->asks && row->keeps == (i % 4 < 3 && i < 12) && !row->draws);
    }
    CHECK_NEAR(d.plan.row[12].alpha_bar, d.schedule.alpha_bar[0], 1e-15);
    assert_true(d.plan.row[12].next.x0 == 1.0 && d.plan.row[12].next.x == 0.0);
    drawing_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_meet_the_conditions_of_their_order),
        cmocka_unit_test(dormand_and_prince_s_error_is_of_order_4),
        cmocka_unit_test(rows_do_what_the_textbook_does),
        cmocka_unit_test(rows_say_where_they_stand_and_lead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
