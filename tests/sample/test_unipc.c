/* SPDX-License-Identifier: MIT */
#include "family.h"

/* Variants: defaults, order 1, order 3, (bh1, which is NaN in diffusers: below), karras, two steps
 * not corrected, v. */
static void diffusers_trajectories_are_reproduced(void **state)
{
    (void)state;
    family_golden("unipc", 7, 3);
}

static um_sample_settings uncorrected(const char *sampler)
{
    um_sample_settings s = drawing_settings(sampler);
    s.steps = 16;
    s.disable_corrector.n = 16;
    for (int i = 0; i < 16; i++) s.disable_corrector.v[i] = i;
    return s;
}

static void order_1_without_corrector_is_ddim(void **state)
{
    (void)state;
    for (int k = 0; k < 8; k++) {
        um_sample_settings s = uncorrected("unipc");
        s.solver_order = 1;
        s.predict_x0 = k & 1;
        s.solver = k & 2 ? UM_SOLVER_BH1 : UM_SOLVER_BH2;
        s.final_sigmas = k & 4 ? UM_FINAL_SIGMA_MIN : UM_FINAL_ZERO;
        family_is_ddim(&s, 0.0);
    }
}

/* The predictor of order 2 with bh2 is DPM-Solver++(2M): 2302.04867, 3.4. */
static void order_2_without_corrector_is_dpmpp(void **state)
{
    (void)state;
    um_sample_settings s = uncorrected("unipc"), dpmpp = drawing_settings("dpmpp");
    dpmpp.steps = 16;
    s.lower_order_final = false;
    assert_true(family_same(&s, &dpmpp));
    s.solver_order = dpmpp.solver_order = 3;
    assert_true(family_same(&s, &dpmpp));
}

/* The paper's algorithms with B(h) and its systems of equations as they stand, for order 1 and 2;
 * m is x_0 (h negative) or eps. */
struct paper {
    double b, phi1, phi2, phi3; /* B(h); h phi_1, h phi_2, h 2 phi_3 of the signed h */
};

static struct paper functions(double hh, bool bh1)
{
    const double phi1 = expm1(hh), phi2 = phi1 / hh - 1.0;
    return (struct paper){ bh1 ? hh : phi1, phi1, phi2, 2.0 * (phi2 / hh - 0.5) };
}

/* Where a step leads: base - factor (h phi_1 m0 + B (rho_1 D_1 + rho_c (m_t - m0))). */
struct leap {
    double from, base, factor, h, r; /* r: where the m before stands, in steps; below 0 */
    int order;
};

static double predict(const struct leap *l, struct paper f, double m0, double m1)
{
    const double d1 = l->order == 2 ? (m1 - m0) / l->r : 0.0;
    return l->base * l->from - l->factor * (f.phi1 * m0 + f.b * 0.5 * d1);
}

/* rho_1 + rho_c = h phi_2 / B, rho_1 r + rho_c = 2 h phi_3 / B. */
static double correct(const struct leap *l, struct paper f, double m0, double m1, double mt)
{
    if (l->order == 1)
        return l->base * l->from - l->factor * (f.phi1 * m0 + f.b * 0.5 * (mt - m0));
    const double rho1 = (f.phi3 - f.phi2) / f.b / (l->r - 1.0), rho = f.phi2 / f.b - rho1;
    return l->base * l->from -
           l->factor * (f.phi1 * m0 + f.b * (rho1 * (m1 - m0) / l->r + rho * (mt - m0)));
}

static double lambda_at(const um_plan *p, int i)
{
    return -log(um_sigma_of(p->level[i].alpha_bar));
}

static double recurrence(const um_plan *p, bool bh1)
{
    const bool x0_form = p->settings.predict_x0;
    double x = 1.5, m0 = 0.0, m1 = 0.0;
    struct leap l = { 0 };
    struct paper f = { 0 };
    for (int i = 0; i < p->steps; i++) {
        const double bar = p->level[i].alpha_bar, to = p->level[i + 1].alpha_bar;
        const double x0 = family_says((double)(float)x, p->level[i].t);
        const double m = x0_form ? x0 : (x - sqrt(bar) * x0) / sqrt(1.0 - bar);
        if (i) x = correct(&l, f, m0, m1, m);
        m1 = m0, m0 = m;
        if (to == 1.0) return x0_form ? x0 : (x - sqrt(1.0 - bar) * m) / sqrt(bar);
        l.h = lambda_at(p, i + 1) - lambda_at(p, i);
        l.r = i ? (lambda_at(p, i - 1) - lambda_at(p, i)) / l.h : -1.0;
        l.order = UM_MIN(UM_MIN(p->settings.solver_order, i + 1), p->steps - i);
        l.from = x;
        l.base = x0_form ? sqrt((1.0 - to) / (1.0 - bar)) : sqrt(to / bar);
        l.factor = sqrt(x0_form ? to : 1.0 - to);
        f = functions(x0_form ? -l.h : l.h, bh1);
        x = predict(&l, f, m0, m1);
    }
    return x;
}

/* bh1 with a last step to the data, and noise with it, end in NaN in diffusers: B(h) or e^h is
 * infinite there, times a difference of 0 or a sigma of 0. Here they end in the limit. */
static void predictor_and_corrector_are_those_of_the_paper(void **state)
{
    (void)state;
    for (int k = 0; k < 16; k++) {
        um_sample_settings s = drawing_settings("unipc");
        s.prediction = UM_PREDICTION_SAMPLE;
        s.steps = 9;
        s.predict_x0 = k & 1;
        s.solver = k & 2 ? UM_SOLVER_BH1 : UM_SOLVER_BH2;
        s.final_sigmas = k & 4 ? UM_FINAL_SIGMA_MIN : UM_FINAL_ZERO;
        s.solver_order = k & 8 ? 1 : 2;
        drawing d;
        drawing_open(&d, &s, 1000);
        CHECK_NEAR(family_drawn(&d.plan), recurrence(&d.plan, k & 2), 1e-5);
        drawing_close(&d);
    }
}

static void bh1_and_bh2_differ_where_one_difference_is_weighed(void **state)
{
    (void)state;
    um_sample_settings bh1 = drawing_settings("unipc"), bh2 = bh1;
    bh1.solver = UM_SOLVER_BH1;
    assert_false(family_same(&bh1, &bh2));
    um_sample_settings other = bh2;
    for (int solver = UM_SOLVER_MIDPOINT; solver <= UM_SOLVER_LOGRHO; solver++) {
        other.solver = (um_solver)solver; /* diffusers takes every other word for bh2 */
        assert_int_equal(family_same(&other, &bh2), solver != UM_SOLVER_BH1);
    }
}

static void the_order_falls_to_the_end_if_it_shall(void **state)
{
    (void)state;
    um_sample_settings s = uncorrected("unipc");
    s.solver_order = 3;
    s.final_sigmas = UM_FINAL_SIGMA_MIN;
    for (int lower = 0; lower < 2; lower++) {
        s.lower_order_final = lower;
        drawing d;
        drawing_open(&d, &s, 1000);
        const um_row *row = &d.plan.row[13];
        for (int i = 0; i < 3; i++) { /* order 3 looks back at 2, order 2 at 1 */
            assert_int_equal(row[i].next.past[1] != 0.0, i < 1 || !lower);
            assert_int_equal(row[i].next.past[0] != 0.0, i < 2 || !lower);
        }
        drawing_close(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(diffusers_trajectories_are_reproduced),
        cmocka_unit_test(order_1_without_corrector_is_ddim),
        cmocka_unit_test(order_2_without_corrector_is_dpmpp),
        cmocka_unit_test(predictor_and_corrector_are_those_of_the_paper),
        cmocka_unit_test(bh1_and_bh2_differ_where_one_difference_is_weighed),
        cmocka_unit_test(the_order_falls_to_the_end_if_it_shall),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
