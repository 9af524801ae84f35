/* SPDX-License-Identifier: MIT
 * ode.c - the probability flow in time (Song et al. 2021, eq. 13) with steps of one size of the
 * grid, by Euler, Heun and the classic Runge-Kutta method. */
#include "sample/runge_kutta.h"

static um_status plan_euler(um_ctx *ctx, um_plan *p, const um_schedule *s)
{
    (void)ctx, (void)s;
    um_runge_kutta_rows(p, &um_euler_tableau);
    return UM_OK;
}

static um_status plan_heun(um_ctx *ctx, um_plan *p, const um_schedule *s)
{
    (void)ctx, (void)s;
    um_runge_kutta_rows(p, &um_heun_tableau);
    return UM_OK;
}

static um_status plan_rk4(um_ctx *ctx, um_plan *p, const um_schedule *s)
{
    (void)ctx, (void)s;
    um_runge_kutta_rows(p, &um_rk4_tableau);
    return UM_OK;
}

const um_sampler um_sampler_ode_euler = {
    .name = "ode_euler",
    .help = "probability flow by Euler's method, 100 steps by default (Song et al. 2021)",
    .model_calls = 1,
    .levels = { .continuous = true },
    .defaults = { UM_SAMPLE_CONTINUOUS, .steps = 100 },
    .plan = plan_euler,
    .step = um_step_linear,
};

const um_sampler um_sampler_ode_heun = {
    .name = "ode_heun",
    .help = "probability flow by Heun's method, two model calls a step, 50 steps by default",
    .model_calls = 2,
    .history = 1,
    .levels = { .continuous = true },
    .defaults = { UM_SAMPLE_CONTINUOUS, .steps = 50 },
    .plan = plan_heun,
    .step = um_step_linear,
};

const um_sampler um_sampler_ode_rk4 = {
    .name = "ode_rk4",
    .help = "probability flow by the classic Runge-Kutta method, four model calls a step, 25 steps "
            "by default",
    .model_calls = 4,
    .history = 3,
    .levels = { .continuous = true },
    .defaults = { UM_SAMPLE_CONTINUOUS, .steps = 25 },
    .plan = plan_rk4,
    .step = um_step_linear,
};
