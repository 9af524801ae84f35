/* SPDX-License-Identifier: MIT */
#include "family.h"

/* Variants: defaults, order 1, order 3 (below), heun, karras, lu_lambdas, euler_at_final,
 * sigma_min, sde-dpmsolver++, dpmsolver with sigma_min, v, cosine with lambda_min_clipped. */
static void diffusers_trajectories_are_reproduced(void **state)
{
    (void)state;
    family_golden("dpmpp", 12, 2);
}

static double lambda_at(const um_plan *p, int i)
{
    return -log(um_sigma_of(p->level[i].alpha_bar));
}

/* diffusers, as the authors' code, leaves a 2 out of order 3: with u = (lambda - lambda_s) / h the
 * parabola is m_0 + D1 u + D2 u^2, whose last term has the integral 2 phi_3 D2 alpha_t h; there,
 * phi_3 D2. So its third order has an error of h^3 a step, as the second has. */
static void halve_the_square(um_plan *p)
{
    for (int i = 0; i < p->steps; i++) {
        um_mix *next = &p->row[i].next;
        if (next->past[1] == 0.0) continue;
        const double h = lambda_at(p, i + 1) - lambda_at(p, i);
        const double r0 = (lambda_at(p, i) - lambda_at(p, i - 1)) / h;
        const double r1 = (lambda_at(p, i - 1) - lambda_at(p, i - 2)) / h;
        const double phi = 0.5 - 1.0 / h + (1.0 - exp(-h)) / (h * h);
        const double extra = phi * sqrt(p->row[i].alpha_bar_prev) / (r0 + r1);
        next->x0 -= extra / r0;
        next->past[0] += extra * (1.0 / r0 + 1.0 / r1);
        next->past[1] -= extra / r1;
    }
}

static void third_order_of_diffusers_differs_by_half_of_the_square_alone(void **state)
{
    (void)state;
    trajectory_check_altered("dpmpp-2-10", halve_the_square, 1e-5);
    trajectory_check_altered("dpmpp-2-37", halve_the_square, 1e-5);
}

static um_sample_settings first_order(um_algorithm algorithm)
{
    um_sample_settings s = drawing_settings("dpmpp");
    s.solver_order = 1;
    s.algorithm = algorithm;
    return s;
}

static void order_1_is_ddim(void **state)
{
    (void)state;
    for (int final = UM_FINAL_ZERO; final <= UM_FINAL_SIGMA_MIN; final++) {
        um_sample_settings data = first_order(UM_ALGORITHM_DPMSOLVERPP);
        um_sample_settings noise = first_order(UM_ALGORITHM_DPMSOLVER);
        um_sample_settings sde = first_order(UM_ALGORITHM_SDE_DPMSOLVERPP);
        data.final_sigmas = noise.final_sigmas = sde.final_sigmas = (um_final)final;
        family_is_ddim(&data, 0.0);
        family_is_ddim(&noise, 0.0);
        family_is_ddim(&sde, 1.0);
    }
}

/* DPM-Solver with final sigma 0, which diffusers refuses, ends with (x - sigma eps) / alpha. */
static void every_algorithm_reaches_the_data(void **state)
{
    (void)state;
    for (int a = UM_ALGORITHM_DPMSOLVERPP; a <= UM_ALGORITHM_SDE_DPMSOLVERPP; a++) {
        um_sample_settings s = drawing_settings("dpmpp");
        s.algorithm = (um_algorithm)a;
        s.solver_order = 3;
        s.lower_order_final = false;
        drawing d;
        drawing_open(&d, &s, 1000);
        const um_row *last = &d.plan.row[d.plan.rows - 1];
        assert_true(last->alpha_bar_prev == 1.0);
        CHECK_NEAR(last->next.x0, 1.0, 1e-14);
        CHECK_NEAR(last->next.x, 0.0, 1e-13);
        assert_true(last->next.noise == 0.0 && last->next.past[0] == 0.0);
        drawing_close(&d);
    }
}

/* Algorithm 2 of 2211.01095 and its SDE twin, as in the paper: r = h_0 / h, D = (m_0 - m_1) / r. */
static double second_order(const um_plan *p, bool heun, bool sde)
{
    double x = 1.5, m0 = 0.0, m1;
    for (int i = 0; i < p->steps; i++) {
        const double bar = p->level[i].alpha_bar, to = p->level[i + 1].alpha_bar;
        m1 = m0, m0 = family_says((double)(float)x, p->level[i].t);
        if (to == 1.0) return m0;
        const double h = lambda_at(p, i + 1) - lambda_at(p, i), z = sde ? 2.0 * h : h;
        const double r = i ? (lambda_at(p, i) - lambda_at(p, i - 1)) / h : 1.0;
        const double d = i ? (m0 - m1) / r : 0.0, e = 1.0 - exp(-z);
        x = sqrt((1.0 - to) / (1.0 - bar)) * (sde ? exp(-h) : 1.0) * x +
            sqrt(to) * (e * m0 + (heun ? 1.0 - e / z : 0.5 * e) * d) +
            (sde ? sqrt((1.0 - to) * e) * family_noise(i) : 0.0);
    }
    return x;
}

static void order_2_is_the_recurrence_of_the_paper(void **state)
{
    (void)state;
    for (int k = 0; k < 8; k++) {
        um_sample_settings s = drawing_settings("dpmpp");
        s.prediction = UM_PREDICTION_SAMPLE;
        s.solver = k & 1 ? UM_SOLVER_HEUN : UM_SOLVER_MIDPOINT;
        s.algorithm = k & 2 ? UM_ALGORITHM_SDE_DPMSOLVERPP : UM_ALGORITHM_DPMSOLVERPP;
        s.final_sigmas = k & 4 ? UM_FINAL_SIGMA_MIN : UM_FINAL_ZERO;
        drawing d;
        drawing_open(&d, &s, 1000);
        CHECK_NEAR(family_drawn(&d.plan), second_order(&d.plan, k & 1, k & 2), 2e-6);
        drawing_close(&d);
    }
}

/* diffusers: deis is dpmsolver++ here, and bh1, bh2 and logrho are midpoint. */
static void words_of_other_samplers_are_taken_as_diffusers_does(void **state)
{
    (void)state;
    const um_sample_settings own = drawing_settings("dpmpp");
    for (int solver = UM_SOLVER_BH1; solver <= UM_SOLVER_LOGRHO; solver++) {
        um_sample_settings s = own;
        s.algorithm = UM_ALGORITHM_DEIS;
        s.solver = (um_solver)solver;
        assert_true(family_same(&own, &s));
    }
    um_sample_settings heun = own;
    heun.solver = UM_SOLVER_HEUN;
    assert_false(family_same(&own, &heun));
    um_sample_settings fourth = own;
    fourth.solver_order = 4;
    family_refuses(&fourth, "sample.solver_order = 4 (dpmpp has the orders 1 to 3)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(diffusers_trajectories_are_reproduced),
        cmocka_unit_test(third_order_of_diffusers_differs_by_half_of_the_square_alone),
        cmocka_unit_test(order_1_is_ddim),
        cmocka_unit_test(every_algorithm_reaches_the_data),
        cmocka_unit_test(order_2_is_the_recurrence_of_the_paper),
        cmocka_unit_test(words_of_other_samplers_are_taken_as_diffusers_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
