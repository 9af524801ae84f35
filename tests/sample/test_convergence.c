/* SPDX-License-Identifier: MIT
 * How fast errors fall with the number of steps: in double, on the VP SDE, with the exact noise of
 * a mixture of Gaussians, from t = 0.4 to 0.03 (lambda from -0.71 to 2.19), against a fine
 * solution. Errors are written to convergence.csv in the build folder; tools/plot-convergence draws
 * them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drawing.h"
#include "sample/runge_kutta.h"
#include "walk.h"

enum { LEAST = 8, MOST = 512, POINTS = 3, STARTS_MAX = 2 };

static const double t_start = 0.4, t_end = 0.03;
static const double points[POINTS][2] = { { 0.6, 1.1 }, { -1.2, 0.2 }, { 0.9, -0.8 } };

static double log_bar_of(double t) { return -t * t / 2 * 19.9 - 0.1 * t; }

static double lambda_of(double t)
{
    const double log_bar = log_bar_of(t);
    return 0.5 * (log_bar - log(-expm1(log_bar)));
}

/* alpha_bar = 1 / (1 + exp(-2 lambda)), and t from the quadratic that log alpha_bar is. */
static double time_of(double lambda)
{
    const double log_bar = -log1p(exp(-2 * lambda));
    return (-0.1 + sqrt(0.01 - 2 * 19.9 * log_bar)) / 19.9;
}

static void flow(double t, const double *x, double *k)
{
    const double bar = exp(log_bar_of(t)), beta = 0.1 + 19.9 * t;
    double x0[2];
    walk_mixture_x0(NULL, x, bar, x0);
    for (int i = 0; i < 2; i++)
        k[i] = -beta / 2 * (x[i] - (x[i] - sqrt(bar) * x0[i]) / (1 - bar));
}

/* Steps of one length by a table, every stage from the step's first x. */
static void follow(const um_tableau *table, double from, double to, int steps, double *x)
{
    const double h = (to - from) / steps;
    for (int n = 0; n < steps; n++) {
        double k[UM_STAGES_MAX][2];
        for (int j = 0; j < table->stages; j++) {
            double at[2] = { x[0], x[1] };
            for (int m = 0; m < j; m++)
                for (int i = 0; i < 2; i++) at[i] += h * table->a[j][m] * k[m][i];
            flow(from + n * h + table->c[j] * h, at, k[j]);
        }
        for (int j = 0; j < table->stages; j++)
            for (int i = 0; i < 2; i++) x[i] += h * table->b[j] * k[j][i];
    }
}

static const struct method {
    const char *name; /* in the plot */
    const char *sampler;
    double order; /* in theory */
    int solver_order, starts;
    bool in_time; /* steps of one length in t, else in lambda                             */
    int finest;   /* steps at which the order is read: with more, rounding would be; 0: MOST */
} methods[] = {
    { "ode_euler", "ode_euler", 1, 0, 0, true, 0 },
    { "ode_heun", "ode_heun", 2, 0, 0, true, 0 },
    { "ode_rk4", "ode_rk4", 4, 0, 0, true, 128 },
    { "ode_adaptive", NULL, 5, 0, 0, true, 64 }, /* its table, with steps of one length */
    { "ddim", "ddim", 1, 0, 0, false, 0 },
    { "euler", "euler", 1, 0, 0, false, 0 },
    { "heun", "heun", 2, 0, 0, false, 0 },
    { "kdpm2", "kdpm2", 2, 0, 0, false, 0 },
    /* multistep methods start with a step of order 1, whose error of h^2 stays */
    { "lms", "lms", 2, 0, 0, false, 0 },
    { "pndm", "pndm", 2, 0, 0, false, 0 },
    { "dpmpp 1", "dpmpp", 1, 1, 0, false, 0 },
    { "dpmpp 2", "dpmpp", 2, 2, 0, false, 0 },
    { "dpmpp 3", "dpmpp", 2, 3, 0, false, 0 },
    { "dpmpp 3 from exact", "dpmpp", 3, 3, 2, false, 0 },
    { "dpmpp_single 2", "dpmpp_single", 2, 2, 0, false, 0 },
    { "deis 2", "deis", 2, 2, 0, false, 0 },
    { "deis 3", "deis", 2, 3, 0, false, 0 },
    /* the corrector gives an order more, in the first step too: h^3 */
    { "unipc 1", "unipc", 2, 1, 0, false, 0 },
    { "unipc 2", "unipc", 3, 2, 0, false, 0 },
    { "unipc 3", "unipc", 3, 3, 0, false, 0 },
};

static double level_time(const struct method *m, int i, int steps)
{
    const double u = (double)i / steps;
    if (m->in_time) return t_start + u * (t_end - t_start);
    const double from = lambda_of(t_start), to = lambda_of(t_end);
    return i == 0 ? t_start : i == steps ? t_end : time_of(from + u * (to - from));
}

static void open_plan(drawing *d, const struct method *m, int steps)
{
    um_sample_settings s = drawing_settings(m->sampler);
    um_level level[MOST + 1];
    s.clip_sample = false;
    s.sde = UM_SDE_VP;
    s.denoise = false;
    s.lower_order_final = s.euler_at_final = false;
    s.skip_prk_steps = true;
    if (m->solver_order) s.solver_order = m->solver_order;
    drawing_open(d, &s, 1000);
    um_plan_free(&d->ctx, &d->plan);
    for (int i = 0; i <= steps; i++) {
        const double t = level_time(m, i, steps);
        level[i] = (um_level){ 999 * t, exp(log_bar_of(t)) };
    }
    CHECK_OK(&d->ctx, um_plan_init_levels(&d->ctx, &d->plan, &s, &d->schedule, level, steps));
}

/* Where the method leads from a point. Sigma space has x / sqrt(alpha_bar) for its state. */
static void lead(const struct method *m, const um_plan *plan, int steps, const double *point,
                 double *x)
{
    const walk_model mixture = { walk_mixture_x0, NULL };
    const double scale = um_plan_scale_at(plan, plan->level[0].alpha_bar);
    const double last = um_plan_scale_at(plan, plan->level[steps].alpha_bar);
    double exact[STARTS_MAX + 1][2];
    for (int i = 0; i <= m->starts; i++) {
        memcpy(exact[i], point, sizeof exact[i]);
        if (i) follow(&um_rk4_tableau, t_start, level_time(m, i, steps), 1000, exact[i]);
    }
    for (int k = 0; k < 2; k++) x[k] = point[k] / scale;
    walk_from_exact(plan, plan->rows, &mixture, 2, NULL, m->starts ? m->starts : -1, exact[0], x);
    for (int k = 0; k < 2; k++) x[k] *= last;
}

/* The distance at the end from the fine solution: root mean square over the points. */
static double error_of(const struct method *m, int steps)
{
    drawing d;
    double squares = 0.0;
    if (m->sampler) open_plan(&d, m, steps);
    for (int p = 0; p < POINTS; p++) {
        double fine[2] = { points[p][0], points[p][1] }, x[2] = { points[p][0], points[p][1] };
        follow(&um_rk4_tableau, t_start, t_end, 8000, fine);
        if (m->sampler) lead(m, &d.plan, steps, points[p], x);
        else follow(&um_dormand_prince_tableau, t_start, t_end, steps, x);
        for (int k = 0; k < 2; k++) squares += pow(x[k] - fine[k], 2);
    }
    if (m->sampler) drawing_close(&d);
    return sqrt(squares / (2 * POINTS));
}

static FILE *results(void)
{
    char path[512];
    snprintf(path, sizeof path, "%s/convergence.csv", getenv("UM_BUILD_ROOT"));
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "method,steps,error\n");
    return f;
}

static void errors_fall_as_theory_has_it(void **state)
{
    (void)state;
    FILE *f = results();
    for (size_t i = 0; i < UM_COUNT(methods); i++) {
        const struct method *m = &methods[i];
        const int finest = m->finest ? m->finest : MOST;
        double order = 0.0, before = 0.0;
        for (int n = LEAST; n <= finest; n *= 2) {
            const double error = error_of(m, n);
            fprintf(f, "%s,%d,%.6g\n", m->name, n, error);
            order = log2(before / error);
            before = error;
        }
        print_message("%-20s order %.2f (theory: %g)\n", m->name, order, m->order);
        if (!(fabs(order - m->order) <= 0.2))
            fail_msg("%s: order %.3f, in theory %g", m->name, order, m->order);
    }
    assert_int_equal(fclose(f), 0);
}

/* The variance that a stochastic sampler gives Gaussian data: each draw's part of x is found by a
 * walk in which it is 1 and all else is 0, and so is that of the first x. */
static double variance_of(const um_plan *plan, const walk_gaussian *data, double start)
{
    enum { WIDTH = WALK_SIZE_MAX };
    static double z[2 * MOST * WIDTH];
    double x[WIDTH], variance = 0.0;
    for (int from = -1; from < plan->rows; from += WIDTH - 1) { /* the last stays without */
        for (int k = 0; k < plan->rows * WIDTH; k++) z[k] = 0.0;
        for (int e = 0; e < WIDTH; e++) x[e] = from + e == -1 ? sqrt(start) : 0.0;
        for (int e = 0; e < WIDTH - 1; e++)
            if (from + e >= 0 && from + e < plan->rows) z[(from + e) * WIDTH + e] = 1.0;
        walk(plan, plan->rows, &(walk_model){ walk_gaussian_x0, data }, WIDTH, z, x);
        for (int e = 0; e < WIDTH - 1; e++) variance += pow(x[e] - x[WIDTH - 1], 2);
    }
    return variance;
}

/* The weak order: how fast the variance comes near that of the data, noised to t_end. */
static void stochastic_methods_have_their_weak_order(void **state)
{
    (void)state;
    static const struct method weak[] = {
        { "sde_em", "sde_em", 1, 0, 0, true, 0 }, { "sde_heun", "sde_heun", 2, 0, 0, true, 0 },
    };
    const walk_gaussian data = { WALK_SIZE_MAX, 0.3, 0.5 };
    const double v = data.deviation * data.deviation;
    const double first = exp(log_bar_of(t_start)), last = exp(log_bar_of(t_end));
    for (size_t i = 0; i < UM_COUNT(weak); i++) {
        double order = 0.0, before = 0.0;
        for (int n = MOST / 4; n <= MOST; n *= 2) {
            drawing d;
            open_plan(&d, &weak[i], n);
            const double got = variance_of(&d.plan, &data, first * v + 1 - first);
            const double error = fabs(got - (last * v + 1 - last));
            order = log2(before / error);
            before = error;
            drawing_close(&d);
        }
        print_message("%-20s weak order %.2f (theory: %g)\n", weak[i].name, order, weak[i].order);
        if (!(fabs(order - weak[i].order) <= 0.2))
            fail_msg("%s: weak order %.3f, in theory %g", weak[i].name, order, weak[i].order);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_fall_as_theory_has_it),
        cmocka_unit_test(stochastic_methods_have_their_weak_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
