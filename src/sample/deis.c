/* SPDX-License-Identifier: MIT
 * deis.c - diffusion exponential integrator sampler: Zhang and Chen 2022 (2204.13902), the tAB
 * variant in log rho.
 *
 *     x_t = alpha_t (x_s / alpha_s + integral of eps(rho) d rho),  rho = sigma / alpha
 *
 * with a polynomial in log rho for eps (eq. 13 to 15). As log rho = -lambda, this is the integral
 * of DPM-Solver, with the polynomial integrated exactly. */
#include "sample/multistep.h"

/* diffusers takes the other deterministic algorithms, and every solver, for its own here. */
static um_status plan(um_ctx *ctx, um_plan *p, const um_schedule *s)
{
    (void)s;
    if (p->settings.algorithm == UM_ALGORITHM_SDE_DPMSOLVERPP)
        return um_fail(ctx, UM_BAD_ARG, "sample.algorithm_type = sde-dpmsolver++: deis draws no "
                       "noise (sample.sampler = dpmpp does)");
    return um_multistep_plan(ctx, p, UM_ALGORITHM_DEIS, UM_SOLVER_LOGRHO);
}

const um_sampler um_sampler_deis = {
    .name = "deis",
    .class_name = "DEISMultistepScheduler",
    .help = "exponential integrator in log rho, multistep, 20 steps by default (Zhang and Chen "
            "2022)",
    .model_calls = 1,
    .history = 2,
    .levels = { UM_EXPONENTIAL_LEVELS },
    .defaults = { UM_SAMPLE_BASE, .steps = 20, .spacing = UM_SPACING_LINSPACE, .solver_order = 2,
                  .algorithm = UM_ALGORITHM_DEIS, .solver = UM_SOLVER_LOGRHO,
                  .lower_order_final = true, .final_sigmas = UM_FINAL_SIGMA_MIN },
    .plan = plan,
    .step = um_step_linear,
};
