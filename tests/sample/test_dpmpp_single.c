/* SPDX-License-Identifier: MIT */
#include "family.h"

/* Variants: defaults, order 3. */
static void diffusers_trajectories_are_reproduced(void **state)
{
    (void)state;
    family_golden("dpmpp_single", 2, -1);
}

static void order_1_is_ddim(void **state)
{
    (void)state;
    um_sample_settings s = drawing_settings("dpmpp_single");
    s.solver_order = 1;
    for (int final = UM_FINAL_ZERO; final <= UM_FINAL_SIGMA_MIN; final++)
        for (int a = UM_ALGORITHM_DPMSOLVERPP; a <= UM_ALGORITHM_SDE_DPMSOLVERPP; a++) {
            s.final_sigmas = (um_final)final;
            s.algorithm = (um_algorithm)a;
            family_is_ddim(&s, a == UM_ALGORITHM_SDE_DPMSOLVERPP ? 1.0 : 0.0);
        }
}

/* Orders as diffusers' get_order_list has them, written by hand. */
static const struct {
    int steps, most;
    bool lower;
    um_final final;
    const char *orders, *why;
} lists[] = {
    { 6, 3, false, UM_FINAL_SIGMA_MIN, "123123", "two full blocks" },
    { 6, 3, true, UM_FINAL_SIGMA_MIN, "123121", "full, with a lower end" },
    { 7, 3, false, UM_FINAL_SIGMA_MIN, "1231231", "a step is left over" },
    { 8, 3, true, UM_FINAL_SIGMA_MIN, "12312312", "two are" },
    { 8, 3, false, UM_FINAL_ZERO, "12312311", "to the data: order 1" },
    { 6, 3, false, UM_FINAL_ZERO, "123121", "the same" },
    { 6, 2, false, UM_FINAL_SIGMA_MIN, "121212", "full blocks of two" },
    { 6, 2, true, UM_FINAL_SIGMA_MIN, "121211", "with a lower end" },
    { 5, 2, false, UM_FINAL_SIGMA_MIN, "12121", "a step is left over" },
    { 1, 3, false, UM_FINAL_ZERO, "1", "one step" },
};

static um_sample_settings settings_of(size_t i, um_algorithm algorithm, bool heun)
{
    um_sample_settings s = drawing_settings("dpmpp_single");
    s.steps = lists[i].steps;
    s.solver_order = lists[i].most;
    s.lower_order_final = lists[i].lower;
    s.final_sigmas = lists[i].final;
    s.algorithm = algorithm;
    s.solver = heun ? UM_SOLVER_HEUN : UM_SOLVER_MIDPOINT;
    s.prediction = UM_PREDICTION_SAMPLE;
    return s;
}

/* Where one block's step goes: from s by x, to t, by m[0 .. order-1] at lambda[]: the formulas of
 * 2206.00927 (algorithms 1 and 2; appendix B for heun) and 2211.01095, with phi written out. */
struct block {
    double x, bar, lambda[4], m[3];
};

static double divided(const struct block *b, double h, int i, int j)
{
    return (b->m[j] - b->m[i]) * h / (b->lambda[j] - b->lambda[i]);
}

static double advance(const struct block *b, int order, double to, um_algorithm a, bool heun,
                      double noise)
{
    const bool of_noise = a == UM_ALGORITHM_DPMSOLVER, sde = a == UM_ALGORITHM_SDE_DPMSOLVERPP;
    const double h = -log(um_sigma_of(to)) - b->lambda[0], z = of_noise ? -h : sde ? 2.0 * h : h;
    const double e = 1.0 - exp(-z), phi2 = 1.0 - e / z, phi3 = 0.5 - 1.0 / z + e / (z * z);
    double sum = e * b->m[0];
    if (order == 2) sum += (heun ? phi2 : 0.5 * e) * divided(b, h, 0, 1);
    if (order == 3 && !heun) sum += phi2 * divided(b, h, 0, 2);
    if (order == 3 && heun) {
        const double r1 = (b->lambda[1] - b->lambda[0]) / h, r2 = (b->lambda[2] - b->lambda[0]) / h;
        const double d1 = divided(b, h, 0, 1), d2 = divided(b, h, 0, 2);
        sum += phi2 * (r2 * d1 - r1 * d2) / (r2 - r1) + phi3 * 2.0 * (d2 - d1) / (r2 - r1);
    }
    const double keep = of_noise ? sqrt(to / b->bar)
                                 : sqrt((1.0 - to) / (1.0 - b->bar)) * (sde ? exp(-h) : 1.0);
    return keep * b->x + sqrt(of_noise ? 1.0 - to : to) * sum +
           (sde ? sqrt((1.0 - to) * e) * noise : 0.0);
}

static double recurrence(const um_plan *p, const char *orders, um_algorithm a, bool heun)
{
    struct block b = { 0 };
    double x = 1.5;
    for (int i = 0; i < p->steps; i++) {
        const int order = orders[i] - '0';
        const double bar = p->level[i].alpha_bar, to = p->level[i + 1].alpha_bar;
        const double x0 = family_says((double)(float)x, p->level[i].t);
        if (to == 1.0) return x0;
        if (order == 1) b.x = x, b.bar = bar;
        b.lambda[order - 1] = -log(um_sigma_of(bar));
        b.m[order - 1] =
            a == UM_ALGORITHM_DPMSOLVER ? (x - sqrt(bar) * x0) / sqrt(1.0 - bar) : x0;
        x = advance(&b, order, to, a, heun, family_noise(i));
    }
    return x;
}

static void blocks_are_the_recurrence_of_the_papers(void **state)
{
    (void)state;
    for (size_t i = 0; i < UM_COUNT(lists); i++)
        for (int a = UM_ALGORITHM_DPMSOLVERPP; a <= UM_ALGORITHM_SDE_DPMSOLVERPP; a++)
            for (int heun = 0; heun < 2; heun++) {
                const um_sample_settings s = settings_of(i, (um_algorithm)a, heun);
                drawing d;
                drawing_open(&d, &s, 1000);
                const double got = family_drawn(&d.plan);
                const double want = recurrence(&d.plan, lists[i].orders, (um_algorithm)a, heun);
                if (!(fabs(got - want) <= 2e-5))
                    fail_msg("orders %s (%s), algorithm %d, heun %d: %g, not %g", lists[i].orders,
                             lists[i].why, a, heun, got, want);
                drawing_close(&d);
            }
}

/* Only the SDE needs a row more, for what noise has made impossible to undo. */
static void each_step_asks_once(void **state)
{
    (void)state;
    for (int a = UM_ALGORITHM_DPMSOLVERPP; a <= UM_ALGORITHM_SDE_DPMSOLVERPP; a++) {
        const um_sample_settings s = settings_of(0, (um_algorithm)a, false);
        drawing d;
        drawing_open(&d, &s, 1000);
        int asks = 0;
        for (int i = 0; i < d.plan.rows; i++) asks += d.plan.row[i].asks;
        assert_int_equal(asks, 6);
        assert_int_equal(d.plan.rows, a == UM_ALGORITHM_SDE_DPMSOLVERPP ? 8 : 6);
        drawing_close(&d);
    }
}

static void words_of_other_samplers_are_taken_as_diffusers_does(void **state)
{
    (void)state;
    const um_sample_settings own = drawing_settings("dpmpp_single");
    um_sample_settings s = own;
    s.algorithm = UM_ALGORITHM_DEIS;
    s.solver = UM_SOLVER_BH2;
    assert_true(family_same(&own, &s));
    s.solver = UM_SOLVER_HEUN;
    assert_false(family_same(&own, &s));
    s.solver_order = 0;
    family_refuses(&s, "sample.solver_order = 0 (dpmpp_single has the orders 1 to 3)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(diffusers_trajectories_are_reproduced),
        cmocka_unit_test(order_1_is_ddim),
        cmocka_unit_test(blocks_are_the_recurrence_of_the_papers),
        cmocka_unit_test(each_step_asks_once),
        cmocka_unit_test(words_of_other_samplers_are_taken_as_diffusers_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
