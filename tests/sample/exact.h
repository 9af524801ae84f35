/* SPDX-License-Identifier: MIT
 * exact.h - a plan walked in double by one pixel, for data whose flow is known: a pixel of
 * N(mean, deviation^2) has
 *     E[x_0 | y, sigma] = m + v / (v + sigma^2) (y - m)
 *     y(sigma) = m + (y(sigma_0) - m) sqrt((v + sigma^2) / (v + sigma_0^2))
 * where y = x / sqrt(alpha_bar), m and v are mean and variance, dy/dsigma = (y - x_0) / sigma. */
#ifndef UM_TEST_EXACT_H
#define UM_TEST_EXACT_H

#include "drawing.h"

static const double exact_mean = 0.3, exact_variance = 0.16;

static inline double exact_x0(double y, double sigma)
{
    return exact_mean + exact_variance / (exact_variance + sigma * sigma) * (y - exact_mean);
}

static inline double exact_flow(double y, double from, double to)
{
    const double v = exact_variance;
    return exact_mean + (y - exact_mean) * sqrt((v + to * to) / (v + from * from));
}

/* What the driver does with what a row has kept. */
static inline void exact_remember(const um_row *row, double keep, double past[UM_HISTORY_MAX])
{
    for (int h = UM_HISTORY_MAX - 1; h > 0 && !row->replaces; h--) past[h] = past[h - 1];
    past[0] = keep;
}

/* One row, no noise; *state is what the sampler keeps, y or x. past is its memory. */
static inline void exact_row(const um_sampler *sampler, const um_row *row, double *state,
                             double past[UM_HISTORY_MAX])
{
    double x0 = 0.0, eps = 0.0, keep = 0.0;
    if (row->asks) {
        const double y = row->scale * *state / sqrt(row->alpha_bar);
        const double sigma = um_sigma_of(row->alpha_bar);
        x0 = exact_x0(y, sigma);
        eps = (y - x0) / sigma;
    }
    um_step s = { .row = row, .n = 1, .x = state, .x0 = row->asks ? &x0 : NULL,
                  .eps = row->asks ? &eps : NULL, .out = state, .keep = row->keeps ? &keep : NULL };
    for (int h = 0; h < sampler->history; h++) s.past[h] = &past[h];
    sampler->step(&s);
    if (row->keeps) exact_remember(row, keep, past);
}

/* The error at the end of `steps` steps, equal in log sigma, from y = 3 at sigma 8 to 0.2: away
 * from the data, where the flow is smooth. For a state y. After the first `given` rows it is put
 * right: starting values for a multistep method. */
static inline double exact_error(const um_sample_settings *settings, int given, int steps)
{
    enum { STEPS_MAX = 400 };
    static um_level level[STEPS_MAX + 1];
    static um_row row[3 * STEPS_MAX];
    const double first = 8.0, last = 0.2, start = 3.0;
    drawing d;
    drawing_open(&d, settings, 1000);
    assert_true(steps <= STEPS_MAX && settings->sampler->model_calls <= 3);
    for (int i = 0; i <= steps; i++) {
        const double sigma = first * pow(last / first, (double)i / steps);
        level[i] = (um_level){ um_schedule_timestep_at(&d.schedule, sigma),
                               1.0 / (1.0 + sigma * sigma) };
    }
    um_plan p = { .settings = *settings, .steps = steps, .level = level, .row = row };
    CHECK_OK(&d.ctx, settings->sampler->plan(&d.ctx, &p, &d.schedule));
    drawing_close(&d);
    double past[UM_HISTORY_MAX] = { 0 }, y = start;
    for (int i = 0; i < p.rows; i++) {
        exact_row(settings->sampler, &p.row[i], &y, past);
        if (i < given) y = exact_flow(start, first, um_sigma_of(p.row[i].alpha_bar_prev));
    }
    return fabs(y - exact_flow(start, first, last));
}

/* The measured order of convergence. */
static inline double exact_order(const um_sample_settings *settings, int given)
{
    return log2(exact_error(settings, given, 160) / exact_error(settings, given, 320));
}

/* Of a method with two calls a step that leads to noise: the last one has a single call, and gives
 * x_0. */
static inline void exact_last_step_is_eulers(const char *sampler)
{
    um_sample_settings settings = drawing_settings(sampler);
    for (settings.steps = 1; settings.steps <= 3; settings.steps++) {
        drawing d;
        drawing_open(&d, &settings, 1000);
        assert_int_equal(d.plan.rows, 2 * settings.steps - 1);
        const um_mix *m = &d.plan.row[d.plan.rows - 1].next;
        assert_true(m->x == 0.0 && m->x0 == 1.0 && m->past[0] == 0.0);
        drawing_close(&d);
    }
}

#endif
