/* SPDX-License-Identifier: MIT
 * strided.c - ddpm on fewer timesteps: the same posterior, or the course's rule that predicts x_0
 * and noises it anew. */
#include <math.h>

#include "sample/posterior.h"

/* x_prev = sqrt(alpha_bar_prev) x_0 + sqrt(1 - alpha_bar_prev) z: forgets x_t but for x_0. */
static void renoise_row(um_row *row)
{
    row->next = (um_mix){
        .x0 = sqrt(row->alpha_bar_prev),
        .noise = sqrt(1.0 - row->alpha_bar_prev),
    };
    row->draws = row->next.noise != 0.0;
}

static um_status plan(um_ctx *ctx, um_plan *p, const um_schedule *s)
{
    (void)ctx, (void)s;
    for (int i = 0; i < p->rows; i++) {
        if (p->settings.strided_rule == UM_STRIDED_RENOISE)
            renoise_row(&p->row[i]);
        else
            um_posterior_row(&p->row[i], p->settings.variance);
    }
    return UM_OK;
}

const um_sampler um_sampler_strided = {
    .name = "strided",
    .help = "ddpm on a subset of the timesteps, 250 by default; strided_rule = renoise noises the "
            "predicted image anew",
    .model_calls = 1,
    .defaults = { UM_SAMPLE_COMMON, .steps = 250 },
    .plan = plan,
    .step = um_posterior_step,
};
