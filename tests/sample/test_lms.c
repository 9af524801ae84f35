/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "exact.h"
#include "support/scratch.h"
#include "trajectory.h"

static void diffusers_trajectories_are_reproduced(void **state)
{
    (void)state;
    trajectory_check("lms-0-10", STRIDE_LIST, 1e-5);
    trajectory_check("lms-0-37", STRIDE_LIST, 1e-5);
}

static void order_1_is_euler(void **state)
{
    (void)state;
    um_sample_settings lms = drawing_settings("lms"), euler = drawing_settings("euler");
    lms.solver_order = 1;
    lms.sigmas = euler.sigmas = UM_SIGMAS_KARRAS;
    drawing a, b;
    drawing_open(&a, &lms, 1000);
    drawing_open(&b, &euler, 1000);
    assert_int_equal(a.plan.rows, b.plan.rows);
    for (int i = 0; i < a.plan.rows; i++) {
        CHECK_NEAR(a.plan.row[i].next.x, b.plan.row[i].next.x, 1e-12);
        CHECK_NEAR(a.plan.row[i].next.x0, b.plan.row[i].next.x0, 1e-12);
        assert_true(a.plan.row[i].next.past[0] == 0.0);
    }
    drawing_close(&a);
    drawing_close(&b);
}

/* The weight of the slope found in this row, out of the coefficient of x_0. */
static double weight_of(const um_row *row, int k)
{
    return k ? row->next.past[k - 1] : -row->next.x0 * um_sigma_of(row->alpha_bar);
}

/* With `order` slopes every polynomial of a lower degree is integrated exactly. */
static void weights_integrate_polynomials(void **state)
{
    (void)state;
    um_sample_settings settings = drawing_settings("lms");
    settings.steps = 20;
    settings.sigmas = UM_SIGMAS_EXPONENTIAL; /* far from equal steps */
    for (settings.solver_order = 1; settings.solver_order <= 4; settings.solver_order++) {
        drawing d;
        drawing_open(&d, &settings, 1000);
        for (int i = 0; i < d.plan.rows; i++) {
            const int order = UM_MIN(settings.solver_order, i + 1);
            const double from = um_sigma_of(d.plan.level[i].alpha_bar);
            const double to = um_sigma_of(d.plan.level[i + 1].alpha_bar);
            for (int degree = 0; degree < order; degree++) {
                double sum = 0.0; /* in units of `from`, so that nothing is large */
                for (int k = 0; k < order; k++) {
                    const double s = um_sigma_of(d.plan.level[i - k].alpha_bar) / from;
                    sum += weight_of(&d.plan.row[i], k) / from * pow(s, degree);
                }
                CHECK_NEAR(sum, (pow(to / from, degree + 1) - 1.0) / (degree + 1), 1e-12);
            }
        }
        drawing_close(&d);
    }
}

/* .. where the values that it starts from are exact: by itself it begins with steps of order 1, 2
 * and so on, whose errors are of order 2 and 3. */
static void its_order_is_solver_order(void **state)
{
    (void)state;
    um_sample_settings settings = drawing_settings("lms");
    for (settings.solver_order = 1; settings.solver_order <= 4; settings.solver_order++)
        CHECK_NEAR(exact_order(&settings, settings.solver_order - 1), settings.solver_order, 0.2);
}

static void an_order_that_there_is_not_is_refused(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    const um_schedule_settings ss = um_schedule_defaults();
    um_schedule schedule;
    um_plan plan;
    CHECK_OK(&ctx, um_schedule_init(&ctx, &schedule, &ss));
    um_sample_settings settings = drawing_settings("lms");
    for (int k = 0; k < 2; k++) {
        settings.solver_order = k ? 5 : 0;
        assert_int_equal(um_plan_init(&ctx, &plan, &settings, &schedule), UM_BAD_ARG);
        CHECK_TOLD(&ctx, "sample.solver_order");
        CHECK_TOLD(&ctx, "lms: 1 to 4");
    }
    um_schedule_free(&ctx, &schedule);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(diffusers_trajectories_are_reproduced),
        cmocka_unit_test(order_1_is_euler),
        cmocka_unit_test(weights_integrate_polynomials),
        cmocka_unit_test(its_order_is_solver_order),
        cmocka_unit_test(an_order_that_there_is_not_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
