/* SPDX-License-Identifier: MIT
 * euler.c - Euler's method on dy / dsigma = (y - x_0) / sigma, with Karras et al.'s churn. */
#include <math.h>

#include "sample/sigma_space.h"

/* How much of sigma is added before the step: gamma of EDM, algorithm 2. */
static double churn(const um_sample_settings *s, double sigma, int steps)
{
    if (!(sigma >= s->s_tmin && sigma <= s->s_tmax)) return 0.0;
    return fmin(s->s_churn / steps, sqrt(2.0) - 1.0);
}

/* EDM, algorithm 2, raises y to sigma_hat = (1 + gamma) sigma with new noise and asks the model
 * there. diffusers asks before, at y and sigma, and takes the noise that it sees there for the
 * direction from sigma_hat:
 *
 *     y' = y + s_noise sqrt(sigma_hat^2 - sigma^2) z + (sigma' - sigma_hat) d(y, sigma)
 *
 * So do we: one model call, at a timestep of the list. The new noise is then not seen by the model
 * before the next step, and what the last step adds stays in the image. */
static void fill_row(um_row *row, const um_plan *p, int i)
{
    const double sigma = um_level_sigma(p, i);
    const double gamma = churn(&p->settings, sigma, p->steps), hat = sigma * (1.0 + gamma);
    row->next = um_along(sigma, um_level_sigma(p, i + 1) - hat);
    row->next.noise = p->settings.s_noise * sqrt(hat * hat - sigma * sigma);
    row->draws = gamma > 0.0;
}

static um_status check(um_ctx *ctx, const um_sample_settings *s)
{
    const struct { const char *name; double value; } list[] = {
        { "s_churn", s->s_churn }, { "s_tmin", s->s_tmin },
        { "s_tmax", s->s_tmax },   { "s_noise", s->s_noise },
    };
    for (size_t i = 0; i < UM_COUNT(list); i++)
        if (!(list[i].value >= 0.0))
            return um_fail(ctx, UM_BAD_ARG, "sample.%s = %g (0 or more)", list[i].name,
                           list[i].value);
    if (!isfinite(s->s_noise))
        return um_fail(ctx, UM_BAD_ARG, "sample.s_noise = %g (a finite number)", s->s_noise);
    return UM_OK;
}

static um_status plan(um_ctx *ctx, um_plan *p, const um_schedule *s)
{
    (void)s;
    UM_TRY(check(ctx, &p->settings));
    um_sigma_space_begin(p);
    for (int i = 0; i < p->steps; i++)
        fill_row(um_sigma_space_row(p, i, p->level[i], p->level[i + 1]), p, i);
    return UM_OK;
}

const um_sampler um_sampler_euler = {
    .name = "euler",
    .class_name = "EulerDiscreteScheduler",
    .help = "one step along the flow in sigma at a time, 50 by default; s_churn adds noise on the "
            "way (Karras et al. 2022)",
    .model_calls = 1,
    .levels = { UM_SIGMA_SPACE_LEVELS },
    .defaults = { UM_SIGMA_SPACE_DEFAULTS },
    .plan = plan,
    .step = um_step_linear,
};
