/* SPDX-License-Identifier: MIT
 * plan.c - lays the rows that a sampler then fills, and prints them. */
#include "sample/plan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static um_status check_settings(um_ctx *ctx, const um_sample_settings *s)
{
    if (!s->sampler) return um_fail(ctx, UM_BAD_ARG, "no sampler (sample.sampler)");
    if (!(s->clip_sample_range > 0.0))
        return um_fail(ctx, UM_BAD_ARG, "sample.clip_sample_range = %g (above 0)",
                       s->clip_sample_range);
    if (!(s->dynamic_thresholding_ratio > 0.0 && s->dynamic_thresholding_ratio <= 1.0))
        return um_fail(ctx, UM_BAD_ARG,
                       "sample.dynamic_thresholding_ratio = %g (above 0, at most 1)",
                       s->dynamic_thresholding_ratio);
    if (!(s->sample_max_value >= 1.0))
        return um_fail(ctx, UM_BAD_ARG, "sample.sample_max_value = %g (at least 1)",
                       s->sample_max_value);
    return UM_OK;
}

/* One row a step, from each level to the next. */
static void lay_rows(um_plan *p)
{
    p->rows = p->steps;
    for (int i = 0; i < p->steps; i++)
        p->row[i] = um_row_between(i, p->level[i], p->level[i + 1]);
}

static um_status check_rows(um_ctx *ctx, const um_plan *p)
{
    for (int i = 0; i < p->rows; i++)
        if (p->row[i].asks)
            UM_TRY(um_prediction_check(ctx, p->settings.prediction, &p->row[i].alpha_bar, 1));
    return UM_OK;
}

static um_status fill(um_ctx *ctx, um_plan *p, const um_schedule *s)
{
    const size_t rows = (size_t)p->steps * (size_t)p->settings.sampler->model_calls;
    UM_TRY(um_alloc(ctx, &p->row, rows, sizeof *p->row, "the plan"));
    p->init_scale = 1.0;
    lay_rows(p);
    if (p->settings.sampler->levels.continuous)
        UM_TRY(um_sde_init(ctx, &p->sde, &p->settings, s));
    UM_TRY(p->settings.sampler->plan(ctx, p, s));
    return check_rows(ctx, p);
}

/* Takes over the levels. */
static um_status init(um_ctx *ctx, um_plan *p, const um_sample_settings *settings,
                      const um_schedule *s, um_level *level, int steps)
{
    *p = (um_plan){ .settings = *settings, .level = level, .steps = steps };
    const um_status st = fill(ctx, p, s);
    if (st != UM_OK) um_plan_free(ctx, p);
    return st;
}

um_status um_plan_init(um_ctx *ctx, um_plan *plan, const um_sample_settings *settings,
                       const um_schedule *schedule)
{
    memset(plan, 0, sizeof *plan);
    um_level *level;
    int steps;
    UM_TRY(check_settings(ctx, settings));
    UM_TRY(um_levels_lay(ctx, settings, &settings->sampler->levels, schedule, &level, &steps));
    return init(ctx, plan, settings, schedule, level, steps);
}

um_status um_plan_init_list(um_ctx *ctx, um_plan *plan, const um_sample_settings *settings,
                            const um_schedule *schedule, const double *timesteps,
                            int count)
{
    memset(plan, 0, sizeof *plan);
    um_level *level;
    UM_TRY(check_settings(ctx, settings));
    UM_TRY(um_levels_list(ctx, settings, &settings->sampler->levels, schedule, timesteps, count,
                          &level));
    return init(ctx, plan, settings, schedule, level, count);
}

um_status um_plan_init_levels(um_ctx *ctx, um_plan *plan, const um_sample_settings *settings,
                              const um_schedule *schedule, const um_level *level, int steps)
{
    memset(plan, 0, sizeof *plan);
    um_level *copy;
    UM_TRY(check_settings(ctx, settings));
    UM_TRY(um_alloc(ctx, &copy, (size_t)steps + 1, sizeof *copy, "the noise levels"));
    memcpy(copy, level, ((size_t)steps + 1) * sizeof *copy);
    return init(ctx, plan, settings, schedule, copy, steps);
}

double um_plan_scale_at(const um_plan *plan, double alpha_bar)
{
    int i = 0;
    while (i < plan->rows && !plan->row[i].asks) i++;
    return i < plan->rows && plan->row[i].scale != 1.0 ? sqrt(alpha_bar) : 1.0;
}

um_row um_plan_noising_row(const um_plan *plan, int step, const um_level *from, const um_level *to)
{
    const double left = to->alpha_bar / from->alpha_bar;
    const double scale = um_plan_scale_at(plan, to->alpha_bar);
    um_row row = um_row_between(step, *from, *to);
    row.asks = false;
    row.draws = true;
    row.scale = um_plan_scale_at(plan, from->alpha_bar);
    row.next.x = sqrt(left) * row.scale / scale;
    row.next.noise = sqrt(1.0 - left) / scale;
    return row;
}

um_status um_plan_check_model(um_ctx *ctx, const um_plan *plan, bool learns_variance)
{
    for (int i = 0; i < plan->rows && !learns_variance; i++)
        if (um_variance_is_learned(plan->row[i].variance))
            return um_fail(ctx, UM_BAD_ARG, "sample.variance_type = %s, but the model does not say "
                           "its variance (fixed_small, or a model of twice as many channels out as "
                           "in)", um_choice_name(um_variances, (int)plan->row[i].variance));
    return UM_OK;
}

void um_plan_free(um_ctx *ctx, um_plan *plan)
{
    um_free(ctx, plan->level);
    um_free(ctx, plan->row);
    um_sde_free(ctx, &plan->sde);
    memset(plan, 0, sizeof *plan);
}

enum { LINE_BYTES = 128 + 16 * UM_HISTORY_MAX }; /* each column has a width of its own */

void um_plan_explain(const um_plan *plan, void (*put)(void *user, const char *line), void *user)
{
    const um_sampler *sampler = plan->settings.sampler;
    const int history = sampler->history;
    char line[LINE_BYTES];
    if (sampler->explain) {
        sampler->explain(plan, put, user);
        return;
    }
    int n = snprintf(line, sizeof line, "%5s %9s %9s %12s %14s %11s %11s %11s %11s", "step", "t",
                     "t_prev", "alpha_bar", "alpha_bar_prev", "sigma", "x", "x0", "eps");
    for (int h = 0; h < history; h++)
        n += snprintf(line + n, sizeof line - (size_t)n, "      past_%d", h);
    snprintf(line + n, sizeof line - (size_t)n, "\n");
    put(user, line);
    for (int i = 0; i < plan->rows; i++) {
        const um_row *r = &plan->row[i];
        n = snprintf(line, sizeof line, "%5d %9.6g %9.6g %12.6g %14.6g", r->step, r->t, r->t_prev,
                     r->alpha_bar, r->alpha_bar_prev);
        const char *other = r->langevin > 0.0                     ? "langevin"
                            : um_variance_is_learned(r->variance) ? "learned"
                                                                  : NULL;
        n += other
                 ? snprintf(line + n, sizeof line - (size_t)n, " %11s", other)
                 : snprintf(line + n, sizeof line - (size_t)n, " %11.5g", r->next.noise);
        n += snprintf(line + n, sizeof line - (size_t)n, " %11.5g %11.5g %11.5g", r->next.x,
                      r->next.x0, r->next.eps);
        for (int h = 0; h < history; h++)
            n += snprintf(line + n, sizeof line - (size_t)n, " %11.5g", r->next.past[h]);
        snprintf(line + n, sizeof line - (size_t)n, "\n");
        put(user, line);
    }
}
