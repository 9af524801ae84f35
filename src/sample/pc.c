/* SPDX-License-Identifier: MIT
 * pc.c - predictor and corrector: Song et al. 2021, algorithms 3 and 5. The predictor goes down to
 * the next level, then Langevin steps let x forget what was wrong with it there. */
#include <math.h>

#include "sample/sampler.h"

/* Algorithm 3, line 3: x + (1 - sqrt(1 - beta)) x + beta score + sqrt(beta) z, where 1 - beta is
 * the ratio of the levels' alpha_bar, however far apart. */
static void predictor_row(um_row *row)
{
    const double bar = row->alpha_bar, alpha = bar / row->alpha_bar_prev, beta = 1.0 - alpha;
    row->next = (um_mix){
        .x = 2.0 - sqrt(alpha) - beta / (1.0 - bar),
        .x0 = beta * sqrt(bar) / (1.0 - bar),
        .noise = sqrt(beta),
    };
    row->draws = true;
}

/* Algorithm 5, line 7: a step of 2 alpha (r |z| / |score|)^2, where alpha is that of a single
 * timestep, which the discrete schedule has in its table. */
static um_row corrector_row(const um_row *predictor, const um_plan *p)
{
    const double bar = predictor->alpha_bar_prev, t = predictor->t_prev;
    const double before = t >= 1.0 ? um_sde_log_alpha_bar(&p->sde, um_sde_time(&p->sde, t - 1.0))
                                   : 0.0;
    const um_level at = { t, bar };
    um_row row = um_row_between(predictor->step, at, at);
    row.draws = true;
    row.next = (um_mix){ .x = -1.0 / (1.0 - bar), .x0 = sqrt(bar) / (1.0 - bar), .noise = 1.0 };
    row.langevin = 2.0 * bar / exp(before) * p->settings.snr * p->settings.snr;
    return row;
}

static um_status plan(um_ctx *ctx, um_plan *p, const um_schedule *s)
{
    (void)s;
    const int correctors = p->settings.corrector_steps;
    if (!(p->settings.snr > 0.0 && p->settings.snr <= 1.0))
        return um_fail(ctx, UM_BAD_ARG, "sample.snr = %g (above 0, at most 1)", p->settings.snr);
    if (correctors < 0 || correctors > UM_CORRECTOR_STEPS_MAX)
        return um_fail(ctx, UM_BAD_ARG, "sample.corrector_steps = %d (0 to %d)", correctors,
                       UM_CORRECTOR_STEPS_MAX);
    um_row *const laid = p->row;
    UM_TRY(um_plan_room(ctx, p, p->steps * (1 + correctors)));
    p->rows = 0;
    for (int i = 0; i < p->steps; i++) {
        um_row *row = &p->row[p->rows++];
        *row = laid[i];
        if (row->t_prev < 0.0) {
            um_denoise_row(row);
            continue;
        }
        predictor_row(row);
        for (int k = 0; k < correctors; k++) p->row[p->rows++] = corrector_row(row, p);
    }
    um_free(ctx, laid);
    return UM_OK;
}

static double squares(const double *v, size_t n)
{
    double sum = 0.0;
    for (size_t k = 0; k < n; k++) sum += v[k] * v[k];
    return sum;
}

/* One image; out may be x. score_sde (the authors' code) takes norms of the whole batch's mean: an
 * image would then depend on those beside it. */
static void langevin(const um_step *s, size_t from)
{
    const um_mix *score = &s->row->next;
    const double *x = s->x + from, *x0 = s->x0 + from, *z = s->noise + from;
    double norm = 0.0;
    for (size_t k = 0; k < s->size; k++) {
        const double v = score->x * x[k] + score->x0 * x0[k];
        norm += v * v;
    }
    const double step = norm > 0.0 ? s->row->langevin * squares(z, s->size) / norm : 0.0;
    const double spread = sqrt(2.0 * step);
    for (size_t k = 0; k < s->size; k++)
        s->out[from + k] =
            x[k] + step * (score->x * x[k] + score->x0 * x0[k]) + spread * z[k];
}

static void step(const um_step *s)
{
    if (!(s->row->langevin > 0.0)) {
        um_step_linear(s);
        return;
    }
    for (size_t from = 0; from < s->n; from += s->size) langevin(s, from);
}

const um_sampler um_sampler_pc = {
    .name = "pc",
    .help = "predictor and corrector: reverse diffusion and Langevin steps, 500 steps by default "
            "(Song et al. 2021)",
    .model_calls = 2,
    .levels = { .continuous = true },
    .defaults = { UM_SAMPLE_CONTINUOUS, .steps = 500 },
    .plan = plan,
    .step = step,
};
