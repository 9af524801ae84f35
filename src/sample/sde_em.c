/* SPDX-License-Identifier: MIT
 * sde_em.c - the reverse SDE by Euler and Maruyama's method: Song et al. 2021, eq. 6. */
#include <math.h>

#include "sample/sampler.h"

/* x(t - h) = x - h (-beta/2 x - beta score) + sqrt(beta h) z */
static void fill_row(um_row *row, const um_sde *sde)
{
    const double time = um_sde_time(sde, row->t), h = time - um_sde_time(sde, row->t_prev);
    const um_drift drift = um_sde_drift(sde, time, 1.0);
    row->next = (um_mix){
        .x = 1.0 - h * drift.x,
        .x0 = -h * drift.x0,
        .noise = sqrt(h * um_sde_beta(sde, time)),
    };
    row->draws = true;
}

static um_status plan(um_ctx *ctx, um_plan *p, const um_schedule *s)
{
    (void)ctx, (void)s;
    for (int i = 0; i < p->rows; i++) {
        if (p->row[i].t_prev < 0.0) um_denoise_row(&p->row[i]);
        else fill_row(&p->row[i], &p->sde);
    }
    return UM_OK;
}

const um_sampler um_sampler_sde_em = {
    .name = "sde_em",
    .help = "reverse SDE by Euler-Maruyama, 1000 steps by default (Song et al. 2021)",
    .model_calls = 1,
    .levels = { .continuous = true },
    .defaults = { UM_SAMPLE_CONTINUOUS, .steps = 1000 },
    .plan = plan,
    .step = um_step_linear,
};
