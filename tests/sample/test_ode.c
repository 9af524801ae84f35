/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "drawing.h"
#include "walk.h"

/* Along the flow of Gaussian data N(m, v) the distance from the mean, in deviations of the noised
 * data, stays what it is: x = sqrt(bar) m + u sqrt(bar v + 1 - bar). */
static double on_the_flow(const walk_gaussian *g, double bar, double u)
{
    return sqrt(bar) * g->mean + u * sqrt(bar * g->deviation * g->deviation + 1.0 - bar);
}

static void methods_follow_the_flow_of_gaussian_data(void **state)
{
    (void)state;
    static const struct { const char *name; int steps; double within; } cases[] = {
        { "ode_euler", 1000, 1e-2 }, { "ode_heun", 500, 1e-4 }, { "ode_rk4", 250, 1e-7 },
    };
    const walk_gaussian data = { 1, 0.3, 0.5 };
    for (size_t i = 0; i < UM_COUNT(cases); i++)
        for (int sde = UM_SDE_DISCRETE; sde <= UM_SDE_VP; sde++) {
            um_sample_settings settings = drawing_settings(cases[i].name);
            settings.sde = (um_sde_kind)sde;
            settings.steps = cases[i].steps;
            settings.time_end = 0.02;
            settings.denoise = false;
            drawing d;
            drawing_open(&d, &settings, 1000);
            const um_plan *p = &d.plan;
            double x = on_the_flow(&data, p->level[0].alpha_bar, 1.3);
            walk(p, p->rows, &(walk_model){ walk_gaussian_x0, &data }, 1, NULL, &x);
            const double want = on_the_flow(&data, p->level[p->steps].alpha_bar, 1.3);
            if (!(fabs(x - want) <= cases[i].within))
                fail_msg("%s: %g, not %g (sde %d)", cases[i].name, x, want, sde);
            drawing_close(&d);
        }
}

static void each_has_about_100_model_calls_unless_told_otherwise(void **state)
{
    (void)state;
    static const char *const names[] = { "ode_euler", "ode_heun", "ode_rk4" };
    for (size_t i = 0; i < UM_COUNT(names); i++) {
        const um_sample_settings settings = drawing_settings(names[i]);
        drawing d;
        drawing_open(&d, &settings, 1000);
        assert_int_equal(d.plan.rows, 101);
        drawing_close(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(methods_follow_the_flow_of_gaussian_data),
        cmocka_unit_test(each_has_about_100_model_calls_unless_told_otherwise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
