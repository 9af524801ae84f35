/* SPDX-License-Identifier: MIT
 * dpmpp.c - DPM-Solver++, multistep: Lu et al. 2022 (2211.01095), algorithm 2, with DPM-Solver
 * (2206.00927) and the SDE as algorithm_type. */
#include "sample/multistep.h"

/* diffusers takes the words of its other classes for its own: deis for dpmsolver++, and every
 * solver but heun for midpoint. */
static um_status plan(um_ctx *ctx, um_plan *p, const um_schedule *s)
{
    (void)s;
    const um_algorithm asked = p->settings.algorithm;
    return um_multistep_plan(
        ctx, p, asked == UM_ALGORITHM_DEIS ? UM_ALGORITHM_DPMSOLVERPP : asked,
        p->settings.solver == UM_SOLVER_HEUN ? UM_SOLVER_HEUN : UM_SOLVER_MIDPOINT);
}

const um_sampler um_sampler_dpmpp = {
    .name = "dpmpp",
    .class_name = "DPMSolverMultistepScheduler",
    .help = "DPM-Solver++, multistep: good images in 20 steps, the default (Lu et al. 2022)",
    .model_calls = 1,
    .history = 2,
    .levels = { UM_EXPONENTIAL_LEVELS },
    .defaults = { UM_SAMPLE_BASE, .steps = 20, .spacing = UM_SPACING_LINSPACE, .solver_order = 2,
                  .lower_order_final = true },
    .plan = plan,
    .step = um_step_linear,
};
