/* SPDX-License-Identifier: MIT */
#include "study/integrate.h"

#include <math.h>
#include <string.h>

#include "support/failing.h"

/* Row i: y' = -(1 + i) y + cos s, and y' = 2 s beside it; both have solutions in closed form. */
enum { ROWS = 5, SIZE = 2 };

typedef struct problem {
    int slopes, bad_from; /* from this one on the slope is not a number; 0: never */
    double last_part[ROWS];
} problem;

static um_status slope(void *user, int n, const int *row, const double *s, const double *y,
                       double *dy)
{
    problem *p = user;
    p->slopes++;
    for (int i = 0; i < n; i++) {
        dy[i * SIZE] = -(1.0 + row[i]) * y[i * SIZE] + cos(s[i]);
        dy[i * SIZE + 1] = 2 * s[i];
        if (p->bad_from && p->slopes >= p->bad_from) dy[i * SIZE] = NAN;
    }
    return UM_OK;
}

static void progress(void *user, int row, double part)
{
    problem *p = user;
    assert_true(part > p->last_part[row] && part < 1 + 1e-9);
    p->last_part[row] = part;
}

static double solution(int row, double s, double start)
{
    const double a = 1.0 + row, at_0 = a / (a * a + 1);
    return (a * cos(s) + sin(s)) / (a * a + 1) + (start - at_0) * exp(-a * s);
}

static um_status solve(um_ctx *ctx, problem *p, const um_ode_settings *settings, int n, double *y,
                       int *calls)
{
    const um_ode ode = { .slope = slope, .progress = progress, .user = p, .n = n, .size = SIZE,
                         .from = 0, .to = 2 };
    for (int i = 0; i < n; i++) y[i * SIZE] = 1.0 + i, y[i * SIZE + 1] = 0;
    return um_ode_solve(ctx, &ode, settings, y, calls);
}

static double error_with(const um_ode_settings *settings)
{
    um_ctx ctx;
    problem p = { 0 };
    double y[ROWS * SIZE], largest = 0;
    int calls[ROWS];
    um_ctx_init(&ctx);
    CHECK_OK(&ctx, solve(&ctx, &p, settings, ROWS, y, calls));
    for (int i = 0; i < ROWS; i++) {
        largest = fmax(largest, fabs(y[i * SIZE] - solution(i, 2, 1.0 + i)));
        CHECK_NEAR(y[i * SIZE + 1], 4, 1e-10);
        CHECK_NEAR(p.last_part[i], 1, 1e-9);
    }
    return largest;
}

static void fixed_steps_have_the_order_of_their_theory(void **state)
{
    (void)state;
    static const struct { um_integrator integrator; double order; } cases[] = {
        { UM_INTEGRATOR_HEUN, 2 }, { UM_INTEGRATOR_RK4, 4 },
    };
    for (size_t c = 0; c < UM_COUNT(cases); c++) {
        const double coarse = error_with(&(um_ode_settings){ cases[c].integrator, 80, 0, 0 });
        const double fine = error_with(&(um_ode_settings){ cases[c].integrator, 160, 0, 0 });
        CHECK_NEAR(log2(coarse / fine), cases[c].order, 0.2);
    }
}

static void the_adaptive_error_follows_its_tolerance(void **state)
{
    (void)state;
    double before = HUGE_VAL;
    for (double tolerance = 1e-3; tolerance > 1e-10; tolerance *= 0.1) {
        const double error =
            error_with(&(um_ode_settings){ UM_INTEGRATOR_ADAPTIVE, 0, tolerance, tolerance });
        assert_true(error < 10 * tolerance);
        assert_true(error < before);
        before = error;
    }
}

static void the_adaptive_pair_gains_as_order_five_does(void **state)
{
    (void)state;
    um_ctx ctx;
    double error[2];
    int calls[2];
    um_ctx_init(&ctx);
    for (int k = 0; k < 2; k++) {
        problem p = { 0 };
        double y[SIZE];
        const double tolerance = k ? 1e-12 : 1e-8;
        const um_ode_settings s = { UM_INTEGRATOR_ADAPTIVE, 0, tolerance, tolerance };
        CHECK_OK(&ctx, solve(&ctx, &p, &s, 1, y, &calls[k]));
        error[k] = fabs(y[0] - solution(0, 2, 1));
    }
    assert_true(log(error[0] / error[1]) / log((double)calls[1] / calls[0]) > 4.5);
}

static void a_row_does_not_see_its_neighbours(void **state)
{
    (void)state;
    static const um_integrator kinds[] = { UM_INTEGRATOR_ADAPTIVE, UM_INTEGRATOR_HEUN };
    um_ctx ctx;
    um_ctx_init(&ctx);
    for (size_t k = 0; k < UM_COUNT(kinds); k++) {
        const um_ode_settings s = { kinds[k], 9, 1e-6, 1e-6 };
        double y[ROWS * SIZE], less[ROWS * SIZE];
        int calls[ROWS], fewer[ROWS];
        CHECK_OK(&ctx, solve(&ctx, &(problem){ 0 }, &s, ROWS, y, calls));
        for (int n = 1; n < ROWS; n++) {
            CHECK_OK(&ctx, solve(&ctx, &(problem){ 0 }, &s, n, less, fewer));
            assert_memory_equal(less, y, (size_t)(n * SIZE) * sizeof *y);
            assert_memory_equal(fewer, calls, (size_t)n * sizeof *calls);
        }
    }
}

static void what_is_not_finite_is_told(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    for (um_integrator k = UM_INTEGRATOR_ADAPTIVE; k <= UM_INTEGRATOR_HEUN; k++) {
        const um_ode_settings s = { k, 9, 1e-6, 1e-6 };
        problem p = { .bad_from = 7 };
        double y[ROWS * SIZE];
        int calls[ROWS];
        assert_int_equal(solve(&ctx, &p, &s, ROWS, y, calls), UM_NOT_FINITE);
        assert_non_null(strstr(ctx.message, "not finite"));
        assert_true(p.slopes < 30);
    }
}

static bool always(void *user)
{
    (void)user;
    return true;
}

static void a_stop_is_heard_between_steps(void **state)
{
    (void)state;
    um_ctx ctx;
    problem p = { 0 };
    double y[ROWS * SIZE];
    int calls[ROWS];
    um_ctx_init(&ctx);
    ctx.cancelled = always;
    const um_ode_settings s = { UM_INTEGRATOR_RK4, 9, 0, 0 };
    assert_int_equal(solve(&ctx, &p, &s, ROWS, y, calls), UM_CANCELLED);
    assert_int_equal(p.slopes, 0);
}

static um_status act(um_ctx *ctx, void *settings)
{
    double y[ROWS * SIZE];
    int calls[ROWS];
    return solve(ctx, &(problem){ 0 }, settings, ROWS, y, calls);
}

static void every_failing_allocation_is_survived(void **state)
{
    (void)state;
    check_every_allocation(act, &(um_ode_settings){ UM_INTEGRATOR_ADAPTIVE, 0, 1e-3, 1e-3 });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_steps_have_the_order_of_their_theory),
        cmocka_unit_test(the_adaptive_error_follows_its_tolerance),
        cmocka_unit_test(the_adaptive_pair_gains_as_order_five_does),
        cmocka_unit_test(a_row_does_not_see_its_neighbours),
        cmocka_unit_test(what_is_not_finite_is_told),
        cmocka_unit_test(a_stop_is_heard_between_steps),
        cmocka_unit_test(every_failing_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
