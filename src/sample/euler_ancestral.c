/* SPDX-License-Identifier: MIT
 * euler_ancestral.c - Euler's method that goes below the next sigma and adds noise to come back. */
#include <math.h>

#include "sample/sigma_space.h"

/* From sigma to `down`, then noise of deviation `up`, where up^2 + down^2 = to^2 and
 * down = to^2 / sigma: the posterior q(x_prev | x_t, x_0) of Ho et al. 2020, eq. 7, in y. */
static void fill_row(um_row *row, double sigma, double to)
{
    const double down = to * to / sigma;
    row->next = um_along(sigma, down - sigma);
    row->next.noise = to * sqrt((sigma - to) * (sigma + to)) / sigma;
    row->draws = true; /* diffusers draws at the last step too, for a deviation of 0 */
}

static um_status plan(um_ctx *ctx, um_plan *p, const um_schedule *s)
{
    (void)ctx, (void)s;
    um_sigma_space_begin(p);
    for (int i = 0; i < p->steps; i++)
        fill_row(um_sigma_space_row(p, i, p->level[i], p->level[i + 1]), um_level_sigma(p, i),
                 um_level_sigma(p, i + 1));
    return UM_OK;
}

const um_sampler um_sampler_euler_ancestral = {
    .name = "euler_ancestral",
    .class_name = "EulerAncestralDiscreteScheduler",
    .help = "steps along the flow in sigma that overshoot, with new noise after each, 50 by "
            "default",
    .model_calls = 1,
    .levels = { UM_SIGMA_SPACE_LEVELS },
    .defaults = { UM_SIGMA_SPACE_DEFAULTS },
    .plan = plan,
    .step = um_step_linear,
};
