/* SPDX-License-Identifier: MIT
 * ddim_inverse.c - ddim (Song et al. 2021, eq. 12 with sigma = 0) walked from the image to the
 * noise.
 *
 * A step of ddim from the level a (alpha_bar at t) to the level b nearer the image is
 *
 *     x_b = sqrt(b) x_0(x_a, t) + sqrt(1 - b) eps(x_a, t).
 *
 * Its inverse needs the answer at x_a, which it does not have. The first row of a step takes the
 * answer for x_b, told the timestep t, as diffusers does: x_a = sqrt(a) x_0 + sqrt(1 - a) eps. Each
 * further row, a correction, has a guess of x_a and moves it by what the step from there misses,
 *
 *     x_a <- x_a + sqrt(a / b) (x_b - sqrt(b) x_0(x_a, t) - sqrt(1 - b) eps(x_a, t)),
 *
 * which without clipping is the fixed-point iteration of Pan et al. 2023 (2309.04907, AIDI). */
#include "sample/inverse.h"

#include <math.h>

/* Up from `from` (nearer the image) to `to`. Predictions of x_0 say nothing of the noise in an
 * image without any: there x is read as if it were noisy already. */
static um_row first_row(const um_plan *p, const um_level *from, const um_level *to)
{
    const double a = to->alpha_bar, b = from->alpha_bar;
    um_row row = { .t = to->t, .t_prev = to->t, .alpha_bar = b, .alpha_bar_prev = a, .scale = 1.0,
                   .asks = true, .next = { .x0 = sqrt(a), .eps = sqrt(1.0 - a) } };
    if (p->settings.prediction == UM_PREDICTION_SAMPLE && b == 1.0) {
        row.alpha_bar = a;
        row.next = (um_mix){ .x = sqrt(a), .eps = sqrt(1.0 - a) };
    }
    return row;
}

static um_row correction_row(const um_level *from, const um_level *to)
{
    const double a = to->alpha_bar, b = from->alpha_bar, up = sqrt(a / b);
    return (um_row){
        .t = to->t, .t_prev = to->t, .alpha_bar = a, .alpha_bar_prev = a, .scale = 1.0,
        .asks = true,
        .next = { .x = 1.0, .x0 = -sqrt(a), .eps = -up * sqrt(1.0 - b), .past = { up } },
    };
}

static um_status plan(um_ctx *ctx, um_plan *p, const um_schedule *s)
{
    const int corrections = p->settings.corrections;
    if (corrections < 0 || corrections > UM_INVERSE_CORRECTIONS_MAX)
        return um_fail(ctx, UM_BAD_ARG, "edit.corrections = %d (0 to %d)", corrections,
                       (int)UM_INVERSE_CORRECTIONS_MAX);
    p->rows = 0;
    for (int i = 0; i < p->steps; i++) {
        um_level from = p->level[p->steps - i];
        if (from.t < 0.0 && !p->settings.set_alpha_to_one) from.alpha_bar = s->alpha_bar[0];
        const um_level *to = &p->level[p->steps - i - 1];
        um_row *first = &p->row[p->rows];
        p->row[p->rows++] = first_row(p, &from, to);
        first->keeps = corrections > 0;
        first->keep.x = 1.0;
        for (int k = 0; k < corrections; k++) p->row[p->rows++] = correction_row(&from, to);
        for (um_row *row = first; row < p->row + p->rows; row++) row->step = i;
    }
    return UM_OK;
}

const um_sampler um_sampler_ddim_inverse = {
    .name = "ddim_inverse",
    .class_name = "DDIMInverseScheduler",
    .help = "from an image to the noise that ddim makes it of",
    .model_calls = 1 + UM_INVERSE_CORRECTIONS_MAX,
    .history = 1,
    .defaults = { UM_SAMPLE_COMMON, .steps = 50 },
    .plan = plan,
    .step = um_step_linear,
};

um_status um_inverse_plan(um_ctx *ctx, um_plan *plan, const um_plan *forth,
                          const um_schedule *schedule, int corrections)
{
    um_sample_settings settings = forth->settings;
    settings.sampler = &um_sampler_ddim_inverse;
    settings.corrections = corrections;
    return um_plan_init_levels(ctx, plan, &settings, schedule, forth->level, forth->steps);
}
