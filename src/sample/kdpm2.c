/* SPDX-License-Identifier: MIT
 * kdpm2.c - the midpoint method in log sigma: DPM-Solver-2 (Lu et al. 2022, algorithm 1 with
 * r_1 = 1/2) in the state of Karras et al., as k-diffusion has it. */
#include <math.h>

#include "sample/sigma_space.h"

/* The level half way in log sigma, at the timestep that has it. */
static um_level middle_of(const um_schedule *s, double sigma, double to)
{
    const double middle = sqrt(sigma * to);
    return (um_level){ um_schedule_timestep_at(s, middle), um_alpha_bar_of(middle) };
}

/* Euler's step to the middle, then from y itself, which is kept, with the slope found there. */
static void fill_step(um_plan *p, int i, um_level middle)
{
    const double sigma = um_level_sigma(p, i), to = um_level_sigma(p, i + 1);
    const double at = um_sigma_of(middle.alpha_bar);
    um_row *row = um_sigma_space_row(p, i, p->level[i], middle);
    row->next = um_along(sigma, at - sigma);
    row->keeps = true;
    row->keep.x = 1.0;
    row = um_sigma_space_row(p, i, middle, p->level[i + 1]);
    row->next = um_along(at, to - sigma);
    row->next.x -= 1.0;
    row->next.past[0] = 1.0;
}

static um_status plan(um_ctx *ctx, um_plan *p, const um_schedule *s)
{
    (void)ctx;
    um_sigma_space_begin(p);
    for (int i = 0; i < p->steps; i++) {
        const double sigma = um_level_sigma(p, i), to = um_level_sigma(p, i + 1);
        if (to > 0.0)
            fill_step(p, i, middle_of(s, sigma, to));
        else /* no middle in log sigma: the last step is Euler's */
            um_sigma_space_row(p, i, p->level[i], p->level[i + 1])->next = um_along(sigma, -sigma);
    }
    return UM_OK;
}

const um_sampler um_sampler_kdpm2 = {
    .name = "kdpm2",
    .class_name = "KDPM2DiscreteScheduler",
    .help = "midpoint method in log sigma, two model calls a step, 50 steps by default",
    .model_calls = 2,
    .history = 1,
    .levels = { UM_SIGMA_SPACE_LEVELS, .rounded = true },
    .defaults = { UM_SIGMA_SPACE_DEFAULTS },
    .plan = plan,
    .step = um_step_linear,
};
