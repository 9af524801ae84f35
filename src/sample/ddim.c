/* SPDX-License-Identifier: MIT
 * ddim.c - denoising diffusion implicit models: Song et al. 2021, eq. 12 and 16. */
#include <math.h>

#include "sample/sampler.h"

/* x_prev = sqrt(bar_prev) x_0 + sqrt(1 - bar_prev - sigma^2) eps + sigma z, where
 * sigma^2 = eta^2 (1 - bar_prev) / (1 - bar) (1 - bar / bar_prev): eta times the posterior's. */
static void fill_row(um_row *row, double eta)
{
    const double bar = row->alpha_bar, bar_prev = row->alpha_bar_prev;
    const double variance =
        eta * eta * (1.0 - bar_prev) / (1.0 - bar) * (1.0 - bar / bar_prev);
    row->next = (um_mix){
        .x0 = sqrt(bar_prev),
        .eps = sqrt(fmax(1.0 - bar_prev - variance, 0.0)),
        .noise = sqrt(variance),
    };
    row->draws = eta > 0.0; /* diffusers draws at the last step too, for a sigma of 0 */
}

static um_status plan(um_ctx *ctx, um_plan *p, const um_schedule *s)
{
    const double eta = p->settings.eta;
    if (!(eta >= 0.0 && eta <= 1.0))
        return um_fail(ctx, UM_BAD_ARG, "sample.eta = %g (0, deterministic, to 1, as ddpm)", eta);
    for (int i = 0; i < p->rows; i++) {
        um_row *row = &p->row[i];
        if (row->t_prev < 0.0 && !p->settings.set_alpha_to_one)
            row->alpha_bar_prev = s->alpha_bar[0];
        fill_row(row, eta);
    }
    return UM_OK;
}

const um_sampler um_sampler_ddim = {
    .name = "ddim",
    .class_name = "DDIMScheduler",
    .help = "implicit steps: deterministic with eta 0, 50 steps by default (Song et al. 2021)",
    .model_calls = 1,
    .defaults = { UM_SAMPLE_COMMON, .steps = 50 },
    .plan = plan,
    .step = um_step_linear,
};
