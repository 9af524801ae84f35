/* SPDX-License-Identifier: MIT */
#include "sample/exponential.h"

#include <math.h>

#include "support/check.h"

/* Simpson's rule for the integral of z e^(-z (1 - u)) u^d over 0 .. 1. */
static double moment(double z, int d)
{
    enum { PARTS = 4000 };
    double sum = 0.0;
    for (int i = 0; i <= PARTS; i++) {
        const double u = (double)i / PARTS, f = z * exp(-z * (1.0 - u)) * pow(u, d);
        sum += (i == 0 || i == PARTS ? 1.0 : i % 2 ? 4.0 : 2.0) * f;
    }
    return sum / (3.0 * PARTS);
}

/* Nodes behind, as of multistep methods; ahead, of singlestep; at the end too, of correctors. */
static const double nodes[][UM_NODES_MAX] = {
    { 0.0, -1.0, -2.0, -3.0 }, { 0.0, 0.4, 0.75, 1.0 }, { 0.0, -0.3, -2.5, 1.0 },
};

static void weights_integrate_polynomials_below_their_number_exactly(void **state)
{
    (void)state;
    static const double zs[] = { -9.0, -1.5, -0.3, -1e-6, 1e-9, 1e-4, 0.2, 0.99, 1.01, 3.0, 20.0 };
    for (size_t i = 0; i < UM_COUNT(zs); i++)
        for (size_t k = 0; k < UM_COUNT(nodes); k++)
            for (int n = 1; n <= UM_NODES_MAX; n++)
                for (int d = 0; d < n; d++) {
                    double weight[UM_NODES_MAX], sum = 0.0, size = 0.0;
                    um_exponential_weights(zs[i], n, nodes[k], weight);
                    for (int j = 0; j < n; j++) {
                        sum += weight[j] * pow(nodes[k][j], d);
                        size += fabs(weight[j] * pow(nodes[k][j], d));
                    }
                    CHECK_NEAR(sum, moment(zs[i], d), 1e-9 * size);
                }
}

static const um_algorithm algorithms[] = {
    UM_ALGORITHM_DPMSOLVERPP, UM_ALGORITHM_DPMSOLVER, UM_ALGORITHM_SDE_DPMSOLVERPP,
    UM_ALGORITHM_DEIS,
};

static bool is_noise(um_algorithm a)
{
    return a == UM_ALGORITHM_DPMSOLVER || a == UM_ALGORITHM_DEIS;
}

/* Where the model says the same everywhere, x_0 = 0.7 and eps = -0.4, any order goes exactly from
 * one level to the other; the SDE keeps x_0 and the variance of the noise. */
static void one_image_and_one_noise_are_led_exactly(void **state)
{
    (void)state;
    static const double bar[] = { 0.05, 0.02, 0.01, 0.004 }, to = 0.3, image = 0.7, eps = -0.4;
    const double x = sqrt(bar[0]) * image + sqrt(1.0 - bar[0]) * eps;
    for (size_t a = 0; a < UM_COUNT(algorithms); a++)
        for (int solver = UM_SOLVER_MIDPOINT; solver <= UM_SOLVER_LOGRHO; solver++)
            for (int n = 1; n <= UM_NODES_MAX; n++) {
                const um_exponential e =
                    um_exponential_step(algorithms[a], (um_solver)solver, n, bar, to);
                double m = 0.0;
                for (int k = 0; k < n; k++) m += e.m[k];
                if (algorithms[a] == UM_ALGORITHM_SDE_DPMSOLVERPP) {
                    CHECK_NEAR(e.x * sqrt(bar[0]) + m, sqrt(to), 1e-13);
                    CHECK_NEAR(e.x * e.x * (1.0 - bar[0]) + e.noise * e.noise, 1.0 - to, 1e-13);
                    continue;
                }
                CHECK_NEAR(e.x * x + m * (is_noise(algorithms[a]) ? eps : image),
                           sqrt(to) * image + sqrt(1.0 - to) * eps, 1e-13);
                assert_true(e.noise == 0.0);
            }
}

static double bar_of(double lambda) { return 1.0 / (1.0 + exp(-2.0 * lambda)); }

/* One step of h = -lambda from `from` where the model says sin(lambda), against the integral of the
 * header's equations by Simpson's rule. */
static double error_of(um_algorithm a, um_solver solver, int n, double h)
{
    enum { PARTS = 2000 };
    const double from = -0.8, to = bar_of(from + h);
    double bar[UM_NODES_MAX] = {0}, got = 0.0, want = 0.0;
    for (int k = 0; k < n; k++) bar[k] = bar_of(from - k * h);
    const um_exponential e = um_exponential_step(a, solver, n, bar, to);
    for (int k = 0; k < n; k++) got += e.m[k] * sin(from - k * h);
    const double rate = is_noise(a) ? -h : a == UM_ALGORITHM_SDE_DPMSOLVERPP ? 2.0 * h : h;
    for (int i = 0; i <= PARTS; i++) {
        const double u = (double)i / PARTS;
        want += (i == 0 || i == PARTS ? 1.0 : i % 2 ? 4.0 : 2.0) * rate *
                exp(-rate * (1.0 - u)) * sin(from + u * h) / (3.0 * PARTS);
    }
    return fabs(got - want * (is_noise(a) ? sqrt(1.0 - to) : sqrt(to)));
}

/* Half the step, 2^(n+1) times less error: order n. diffusers' third order takes half of the second
 * difference (and with sde-dpmsolver++ not even that), and has order 2 only: test_dpmpp.c. */
static void a_step_by_n_levels_has_order_n(void **state)
{
    (void)state;
    for (size_t a = 0; a < UM_COUNT(algorithms); a++)
        for (int solver = UM_SOLVER_MIDPOINT; solver <= UM_SOLVER_LOGRHO; solver++)
            for (int n = 1; n <= UM_NODES_MAX; n++) {
                const double coarse = error_of(algorithms[a], (um_solver)solver, n, 0.04);
                const double fine = error_of(algorithms[a], (um_solver)solver, n, 0.02);
                CHECK_NEAR(log2(coarse / fine), n + 1.0, 0.15);
            }
}

static void the_data_is_the_limit_of_levels_near_it(void **state)
{
    (void)state;
    const double bar = 0.4;
    for (size_t a = 0; a < UM_COUNT(algorithms); a++) {
        const um_exponential at = um_exponential_step(algorithms[a], UM_SOLVER_HEUN, 1, &bar, 1.0);
        const um_exponential near =
            um_exponential_step(algorithms[a], UM_SOLVER_HEUN, 1, &bar, 1.0 - 1e-14);
        CHECK_NEAR(at.x, near.x, 1e-6);
        CHECK_NEAR(at.m[0], near.m[0], 1e-6);
        CHECK_NEAR(at.noise, near.noise, 1e-6);
    }
}

/* eps comes from x and x_0, so that it follows where x_0 was clipped. */
static void an_answer_is_the_image_or_the_noise_that_is_left(void **state)
{
    (void)state;
    um_mix image = { .x0 = 0.5 }, noise = { .x = 0.25 };
    um_mix_add(&image, UM_ALGORITHM_DPMSOLVERPP, 0.36, 2.0);
    assert_true(image.x0 == 2.5 && image.x == 0.0);
    um_mix_add(&noise, UM_ALGORITHM_DPMSOLVER, 0.36, 2.0);
    CHECK_NEAR(noise.x, 0.25 + 2.0 / 0.8, 1e-15);
    CHECK_NEAR(noise.x0, -2.0 * 0.6 / 0.8, 1e-15);
    assert_true(noise.eps == 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_integrate_polynomials_below_their_number_exactly),
        cmocka_unit_test(one_image_and_one_noise_are_led_exactly),
        cmocka_unit_test(a_step_by_n_levels_has_order_n),
        cmocka_unit_test(the_data_is_the_limit_of_levels_near_it),
        cmocka_unit_test(an_answer_is_the_image_or_the_noise_that_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
