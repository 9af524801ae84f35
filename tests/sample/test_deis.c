/* SPDX-License-Identifier: MIT */
#include "family.h"

/* Variants: defaults, order 3. */
static void diffusers_trajectories_are_reproduced(void **state)
{
    (void)state;
    family_golden("deis", 2, -1);
}

static void order_1_is_ddim(void **state)
{
    (void)state;
    um_sample_settings s = drawing_settings("deis");
    s.solver_order = 1;
    family_is_ddim(&s, 0.0);
    s.final_sigmas = UM_FINAL_ZERO; /* which diffusers' class does not have */
    family_is_ddim(&s, 0.0);
}

/* The k-th Lagrange polynomial in log rho through `n` levels up to `step`, at rho. */
static double lagrange(const um_plan *p, int step, int n, int k, double rho)
{
    const double own = log(um_sigma_of(p->level[step - k].alpha_bar));
    double v = 1.0;
    for (int j = 0; j < n; j++) {
        const double other = log(um_sigma_of(p->level[step - j].alpha_bar));
        if (j != k) v *= (log(rho) - other) / (own - other);
    }
    return v;
}

/* Eq. 15 of 2204.13902 by Simpson's rule over rho: alpha_t times the integral of the polynomial. */
static double weight(const um_plan *p, int step, int n, int k)
{
    enum { PARTS = 20000 };
    const double from = um_sigma_of(p->level[step].alpha_bar);
    const double to = um_sigma_of(p->level[step + 1].alpha_bar);
    double sum = 0.0;
    for (int i = 0; i <= PARTS; i++)
        sum += (i == 0 || i == PARTS ? 1.0 : i % 2 ? 4.0 : 2.0) *
               lagrange(p, step, n, k, from + (to - from) * i / PARTS);
    return sqrt(p->level[step + 1].alpha_bar) * sum * (to - from) / (3.0 * PARTS);
}

static void weights_are_integrals_of_polynomials_in_log_rho(void **state)
{
    (void)state;
    um_sample_settings s = drawing_settings("deis");
    s.solver_order = 3;
    drawing d;
    drawing_open(&d, &s, 1000);
    for (int i = 0; i < d.plan.rows; i++) {
        const um_row *row = &d.plan.row[i];
        const int n = UM_MIN(i + 1, 3);
        const double now = weight(&d.plan, i, n, 0), sigma = sqrt(1.0 - row->alpha_bar);
        CHECK_NEAR(row->next.x, sqrt(row->alpha_bar_prev / row->alpha_bar) + now / sigma,
                   1e-7 * fabs(now / sigma));
        CHECK_NEAR(row->next.x0, -now * sqrt(row->alpha_bar) / sigma, 1e-7 * fabs(now / sigma));
        for (int k = 1; k < n; k++)
            CHECK_NEAR(row->next.past[k - 1], weight(&d.plan, i, n, k), 1e-7 * fabs(now));
    }
    drawing_close(&d);
}

static void it_ends_at_the_least_noise_of_the_schedule(void **state)
{
    (void)state;
    const um_sample_settings s = drawing_settings("deis");
    drawing d;
    drawing_open(&d, &s, 1000);
    assert_true(d.plan.row[d.plan.rows - 1].alpha_bar_prev == d.schedule.alpha_bar[0]);
    drawing_close(&d);
}

/* diffusers: dpmsolver and dpmsolver++ are deis here, and every solver logrho. */
static void words_of_other_samplers_are_taken_as_diffusers_does(void **state)
{
    (void)state;
    const um_sample_settings own = drawing_settings("deis");
    um_sample_settings s = own;
    for (int solver = UM_SOLVER_MIDPOINT; solver <= UM_SOLVER_LOGRHO; solver++)
        for (int a = UM_ALGORITHM_DPMSOLVERPP; a <= UM_ALGORITHM_DPMSOLVER; a++) {
            s.solver = (um_solver)solver;
            s.algorithm = (um_algorithm)a;
            assert_true(family_same(&own, &s));
        }
    s.algorithm = UM_ALGORITHM_SDE_DPMSOLVERPP;
    family_refuses(&s, "sample.algorithm_type = sde-dpmsolver++: deis draws no noise "
                       "(sample.sampler = dpmpp does)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(diffusers_trajectories_are_reproduced),
        cmocka_unit_test(order_1_is_ddim),
        cmocka_unit_test(weights_are_integrals_of_polynomials_in_log_rho),
        cmocka_unit_test(it_ends_at_the_least_noise_of_the_schedule),
        cmocka_unit_test(words_of_other_samplers_are_taken_as_diffusers_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
