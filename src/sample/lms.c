/* SPDX-License-Identifier: MIT
 * lms.c - linear multistep: Adams-Bashforth on the sigmas as they lie, equally far or not. */
#include <math.h>

#include "sample/sigma_space.h"

enum { ORDER_MAX = 4 };

/* The polynomial in sigma that is 1 at from[k] and 0 at the other sigmas before, at `at`. */
static double lagrange(const double *from, int order, int k, double at)
{
    double product = 1.0;
    for (int j = 0; j < order; j++)
        if (j != k) product *= (at - from[j]) / (from[k] - from[j]);
    return product;
}

/* Its integral from from[0] to `to`. Two Gauss-Legendre points are exact up to the third degree. */
static double weight(const double *from, int order, int k, double to)
{
    const double middle = (from[0] + to) / 2.0, half = (to - from[0]) / 2.0;
    const double away = half / sqrt(3.0);
    return half * (lagrange(from, order, k, middle - away) +
                   lagrange(from, order, k, middle + away));
}

/* y' = y + sum of weight_k d_k, where d_0 is found here and d_1, d_2 .. have been kept. */
static void fill_row(um_row *row, const um_plan *p, int i)
{
    const int order = UM_MIN(i + 1, p->settings.solver_order);
    const double to = um_level_sigma(p, i + 1);
    double from[ORDER_MAX] = { um_level_sigma(p, i) };
    for (int k = 1; k < order; k++) from[k] = um_level_sigma(p, i - k);
    row->next = um_along(from[0], weight(from, order, 0, to));
    for (int k = 1; k < order; k++) row->next.past[k - 1] = weight(from, order, k, to);
    row->keeps = true;
    row->keep = (um_mix){ .x = 1.0 / from[0], .x0 = -1.0 / from[0] };
}

static um_status plan(um_ctx *ctx, um_plan *p, const um_schedule *s)
{
    (void)s;
    const int order = p->settings.solver_order;
    if (order < 1 || order > ORDER_MAX)
        return um_fail(ctx, UM_BAD_ARG, "sample.solver_order = %d (lms: 1 to %d)", order,
                       ORDER_MAX);
    um_sigma_space_begin(p);
    for (int i = 0; i < p->steps; i++)
        fill_row(um_sigma_space_row(p, i, p->level[i], p->level[i + 1]), p, i);
    return UM_OK;
}

const um_sampler um_sampler_lms = {
    .name = "lms",
    .class_name = "LMSDiscreteScheduler",
    .help = "linear multistep along the flow in sigma, of order solver_order (4), 50 steps by "
            "default",
    .model_calls = 1,
    .history = ORDER_MAX - 1,
    .levels = { UM_SIGMA_SPACE_LEVELS },
    .defaults = { UM_SIGMA_SPACE_DEFAULTS, .solver_order = ORDER_MAX },
    .plan = plan,
    .step = um_step_linear,
};
