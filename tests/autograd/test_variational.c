/* SPDX-License-Identifier: MIT */
#include "autograd/gradient.h"

#include <math.h>

enum { C = 2, ROW = UM_VARIATIONAL_ROW };

/* v has a gradient; the rest are numbers: what gives the mean, images and noised images, rows. */
static um_var apply(um_tape *t, const um_var *in, const void *arg)
{
    (void)arg;
    const um_var answer = um_concat(t, in[1], in[0]);
    const um_var x0 = um_slice(t, in[2], 0, C), xt = um_slice(t, in[2], C, C);
    return um_variational(t, answer, x0, xt, in[3]);
}

/* Images near 0, and each fourth number black or white. */
static void images(um_real *x, size_t count, const um_random *r)
{
    um_random_normal(r, x, count);
    for (size_t i = 0; i < count; i++) x[i] = i % 4 == 3 ? (i % 8 == 3 ? -1 : 1) : x[i] / 4;
}

/* The mean is near, as a trained network's is: else every probability is the least. */
static void rows_at(um_real *x, double at_zero)
{
    const double row[ROW] = { 0.9, 0.02, 0.4, log(0.02), log(0.007), at_zero };
    for (int i = 0; i < ROW; i++) x[i] = row[i];
}

static void later(um_real *x, size_t count, const um_random *r)
{
    (void)r;
    for (size_t i = 0; i < count; i += ROW) rows_at(x + i, 0);
}

static void first(um_real *x, size_t count, const um_random *r)
{
    (void)r;
    for (size_t i = 0; i < count; i += ROW) rows_at(x + i, i / ROW % 2 == 0);
}

static void variational_vjp_matches_differences(void **state)
{
    (void)state;
    filler *const rows[] = { later, first };
    for (int k = 0; k < 2; k++)
        check_vjp(k ? "some at t = 0" : "t > 0", apply, NULL,
                  (given[]){ { .shape = { 3, 2, 5, C } },
                             { .shape = { 3, 2, 5, C }, .fixed = true },
                             { { 3, 2, 5, 2 * C }, images, true },
                             { { 3, 1, 1, ROW }, rows[k], true } },
                  4);
}

/* One number of one channel. */
static um_var one(um_tape *t, const um_var *in, const void *arg)
{
    (void)arg;
    return um_variational(t, in[0], in[1], in[2], in[3]);
}

typedef struct number {
    double answer, v, x0, xt, row[ROW];
} number;

static void check_number(const number *k, double expected)
{
    const um_shape shapes[] = { { 1, 1, 1, 2 }, { 1, 1, 1, 1 }, { 1, 1, 1, 1 }, { 1, 1, 1, ROW } };
    double in[4 + ROW] = { k->answer, k->v, k->x0, k->xt };
    for (int i = 0; i < ROW; i++) in[4 + i] = k->row[i];
    check_values(one, NULL, shapes, 4, in, &expected);
}

static void equal_gaussians_do_not_diverge(void **state)
{
    (void)state;
    /* v = -1 is the posterior's own variance, and 0.5 * 0.6 + 0.1 * 2 the image itself */
    check_number(&(number){ 2, -1, 0.5, 0.6, { 0.5, 0.1, 0.3, log(0.04), log(0.01), 0 } }, 0);
}

static double gauss(double x, double mean, double variance)
{
    return exp(-(x - mean) * (x - mean) / (2 * variance)) / sqrt(2 * M_PI * variance);
}

/* By the sum over a fine grid, of 40 deviations. */
static double divergence(double m, double a, double p, double b)
{
    double sum = 0;
    const double h = 1e-3 * sqrt(a);
    for (int i = -20000; i <= 20000; i++) {
        const double x = m + i * h;
        sum += gauss(x, m, a) * (log(gauss(x, m, a)) - log(gauss(x, p, b))) * h;
    }
    return sum / log(2);
}

/* Between the bounds, geometrically: v = 0.2 is 0.6 of the way from 0.01 to 0.04. */
static void a_divergence_is_the_integral_that_it_stands_for(void **state)
{
    (void)state;
    const double variance = exp(0.6 * log(0.04) + 0.4 * log(0.01));
    const double d = 0.5 * 0.6 + 0.1 * 3 - 0.5;
    check_number(&(number){ 3, 0.2, 0.5, 0.6, { 0.5, 0.1, 0.3, log(0.04), log(0.01), 0 } },
                 divergence(0, 0.01, 0.3 * d, variance));
}

/* By Simpson's rule between two ends. */
static double mass(double from, double to, double mean, double variance)
{
    enum { N = 20000 };
    const double h = (to - from) / N;
    double sum = gauss(from, mean, variance) + gauss(to, mean, variance);
    for (int i = 1; i < N; i++) sum += (i % 2 ? 4 : 2) * gauss(from + i * h, mean, variance);
    return sum * h / 3;
}

/* The steps of all grays share out all probability, the ends to infinity. */
static void the_first_step_is_told_by_the_mass_of_its_gray(void **state)
{
    (void)state;
    const double far = 0.2, s = 0.01, half = 1.0 / 255;
    const struct {
        double x0, mean, from, to;
    } cases[] = {
        { 1.0 / 255, 0.02, 0, 2.0 / 255 },   { 1.0 / 255, -0.03, 0, 2.0 / 255 },
        { -1, -0.99, -0.99 - far, -1 + half }, { 1, 0.98, 1 - half, 0.98 + far },
        { 1, 1.02, 1 - half, 1.02 + far },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++)
        check_number(&(number){ cases[i].mean, 1, cases[i].x0, 7,
                                { 0, 1, 1, log(s * s), log(1e-6), 1 } },
                     -log2(mass(cases[i].from, cases[i].to, cases[i].mean, s * s)));
}

/* 1e-12, as in the authors' code. */
static void what_is_out_of_reach_costs_no_more_than_the_least_probability(void **state)
{
    (void)state;
    check_number(&(number){ 0.9, 1, -0.9, 0, { 0, 1, 1, log(1e-4), log(1e-6), 1 } },
                 12 * log2(10));
}

/* To what gives the mean no gradient goes. */
static void the_mean_is_left_alone(void **state)
{
    (void)state;
    um_ctx ctx;
    um_tape *t = NULL;
    um_ctx_init(&ctx);
    CHECK_OK(&ctx, um_kernels_choose(&ctx, "scalar"));
    CHECK_OK(&ctx, um_tape_open(&t, &ctx));
    const um_var answer = um_tape_input(t, "answer", (um_shape){ 1, 1, 2, 2 });
    um_tape_want_grad(t, answer);
    const um_var x0 = um_tape_input(t, "x0", (um_shape){ 1, 1, 2, 1 });
    const um_var xt = um_tape_input(t, "x_t", (um_shape){ 1, 1, 2, 1 });
    const um_var rows = um_tape_input(t, "rows", (um_shape){ 1, 1, 1, ROW });
    const um_var loss = um_variational(t, answer, x0, xt, rows);
    CHECK_OK(&ctx, um_tape_plan(t, loss));
    CHECK_OK(&ctx, um_tape_commit(t));
    for (int i = 0; i < 4; i++) um_data(t, answer)[i] = 0.1 * i;
    rows_at(um_data(t, rows), 0);
    CHECK_OK(&ctx, um_tape_forward(t));
    CHECK_OK(&ctx, um_tape_backward(t, NULL, false));
    for (int i = 0; i < 4; i++) assert_true((um_grad(t, answer)[i] != 0) == (i % 2 == 1));
    um_tape_close(&t);
}

static void wrong_shapes_are_refused(void **state)
{
    (void)state;
    const um_shape bad[][4] = {
        { { 2, 3, 3, 1 }, { 2, 3, 3, 1 }, { 2, 3, 3, 1 }, { 2, 1, 1, ROW } },
        { { 2, 3, 3, 2 }, { 2, 3, 3, 1 }, { 2, 3, 2, 1 }, { 2, 1, 1, ROW } },
        { { 2, 3, 3, 2 }, { 2, 3, 3, 1 }, { 2, 3, 3, 1 }, { 2, 1, 1, 5 } },
        { { 2, 3, 3, 2 }, { 2, 3, 3, 1 }, { 2, 3, 3, 1 }, { 1, 1, 1, ROW } },
    };
    for (size_t i = 0; i < UM_COUNT(bad); i++)
        check_refused(one, NULL, bad[i], 4, UM_BAD_SHAPE, "variational: [2, 3, 3,");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variational_vjp_matches_differences),
        cmocka_unit_test(equal_gaussians_do_not_diverge),
        cmocka_unit_test(a_divergence_is_the_integral_that_it_stands_for),
        cmocka_unit_test(the_first_step_is_told_by_the_mass_of_its_gray),
        cmocka_unit_test(what_is_out_of_reach_costs_no_more_than_the_least_probability),
        cmocka_unit_test(the_mean_is_left_alone),
        cmocka_unit_test(wrong_shapes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
