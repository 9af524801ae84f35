/* SPDX-License-Identifier: MIT
 * heun.c - Heun's method on dy / dsigma = (y - x_0) / sigma: Karras et al. 2022, algorithm 1. */
#include "sample/sigma_space.h"

/* Euler's step to where the second call is made; y itself is kept. */
static void first_stage(um_row *row, double sigma, double to)
{
    row->next = um_along(sigma, to - sigma);
    row->keeps = true;
    row->keep.x = 1.0;
}

/* At y_1 = y + h d(y, sigma): y' = y + h / 2 (d(y, sigma) + d(y_1, sigma')), and the first half is
 * the mean of y and y_1. */
static void second_stage(um_row *row, double sigma, double to)
{
    const um_mix half = um_along(to, (to - sigma) / 2.0);
    row->next = (um_mix){ .x = half.x - 0.5, .x0 = half.x0, .past = { 0.5 } };
}

static um_status plan(um_ctx *ctx, um_plan *p, const um_schedule *s)
{
    (void)ctx, (void)s;
    um_sigma_space_begin(p);
    for (int i = 0; i < p->steps; i++) {
        const um_level from = p->level[i], to = p->level[i + 1];
        const double sigma = um_level_sigma(p, i), next = um_level_sigma(p, i + 1);
        first_stage(um_sigma_space_row(p, i, from, to), sigma, next);
        if (next > 0.0) /* the slope at the data is not known: the last step is Euler's */
            second_stage(um_sigma_space_row(p, i, to, to), sigma, next);
    }
    return UM_OK;
}

const um_sampler um_sampler_heun = {
    .name = "heun",
    .class_name = "HeunDiscreteScheduler",
    .help = "second order along the flow in sigma, two model calls a step, 50 steps by default "
            "(Karras et al. 2022)",
    .model_calls = 2,
    .history = 1,
    .levels = { UM_SIGMA_SPACE_LEVELS },
    .defaults = { UM_SIGMA_SPACE_DEFAULTS },
    .plan = plan,
    .step = um_step_linear,
};
