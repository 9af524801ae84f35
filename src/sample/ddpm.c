/* SPDX-License-Identifier: MIT
 * ddpm.c - ancestral sampling: Ho et al. 2020, algorithm 2, with the posterior between any two
 * timesteps of the list. */
#include "sample/posterior.h"

static um_status plan(um_ctx *ctx, um_plan *p, const um_schedule *s)
{
    (void)ctx, (void)s;
    for (int i = 0; i < p->rows; i++) um_posterior_row(&p->row[i], p->settings.variance);
    return UM_OK;
}

const um_sampler um_sampler_ddpm = {
    .name = "ddpm",
    .class_name = "DDPMScheduler",
    .help = "ancestral sampling from the posterior, every timestep by default (Ho et al. 2020)",
    .model_calls = 1,
    .defaults = { UM_SAMPLE_COMMON, .steps = 0 },
    .plan = plan,
    .step = um_posterior_step,
};
