/* SPDX-License-Identifier: MIT
 * sde_heun.c - the reverse SDE by the stochastic method of Heun (Kloeden and Platen 1992, eq.
 * 15.1.1). The noise is additive, so that the equations of Ito and Stratonovich are the same. */
#include <math.h>

#include "sample/sampler.h"

/* With D the drift back in time, g = sqrt(beta) and dw = sqrt(h) z:
 *     guess = x + h D(x, t) + g(t) dw
 *     x(t - h) = x + h/2 (D(x, t) + D(guess, t - h)) + (g(t) + g(t - h))/2 dw
 * The first row leads to the guess and keeps what the second has to put right in it. */
static void guess_row(um_row *row, const um_sde *sde, double h)
{
    const double time = um_sde_time(sde, row->t);
    const um_drift drift = um_sde_drift(sde, time, 1.0);
    const double g = sqrt(um_sde_beta(sde, time)), g_prev = sqrt(um_sde_beta(sde, time - h));
    row->next = (um_mix){ .x = 1.0 - h * drift.x, .x0 = -h * drift.x0, .noise = g * sqrt(h) };
    row->keep = (um_mix){ .x = 0.5 * h * drift.x, .x0 = 0.5 * h * drift.x0,
                          .noise = 0.5 * (g_prev - g) * sqrt(h) };
    row->draws = row->keeps = true;
}

static um_row final_row(const um_row *guess, const um_sde *sde, double h)
{
    const um_drift drift = um_sde_drift(sde, um_sde_time(sde, guess->t_prev), 1.0);
    const um_level at = { guess->t_prev, guess->alpha_bar_prev };
    um_row row = um_row_between(guess->step, at, at);
    row.next = (um_mix){ .x = 1.0 - 0.5 * h * drift.x, .x0 = -0.5 * h * drift.x0, .past = { 1.0 } };
    return row;
}

static um_status plan(um_ctx *ctx, um_plan *p, const um_schedule *s)
{
    (void)ctx, (void)s;
    p->rows = 0;
    /* from the last step, so that a step's two rows never lie on a laid row that is still needed */
    for (int i = p->steps - 1; i >= 0; i--) {
        um_row *row = &p->row[2 * i];
        *row = p->row[i];
        p->rows += row->t_prev < 0.0 ? 1 : 2;
        if (row->t_prev < 0.0) {
            um_denoise_row(row);
            continue;
        }
        const double h = um_sde_time(&p->sde, row->t - row->t_prev);
        guess_row(row, &p->sde, h);
        row[1] = final_row(row, &p->sde, h);
    }
    return UM_OK;
}

const um_sampler um_sampler_sde_heun = {
    .name = "sde_heun",
    .help = "reverse SDE by the stochastic Heun method, two model calls a step, 250 steps by "
            "default",
    .model_calls = 2,
    .history = 1,
    .levels = { .continuous = true },
    .defaults = { UM_SAMPLE_CONTINUOUS, .steps = 250 },
    .plan = plan,
    .step = um_step_linear,
};
