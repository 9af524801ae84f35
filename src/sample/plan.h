/* SPDX-License-Identifier: MIT
 * plan.h - from settings to the rows of coefficients, once for all images. */
#ifndef UM_PLAN_H
#define UM_PLAN_H

#include "sample/sampler.h"

/* Check the settings against the schedule, lay the levels, let the sampler fill its rows.
 * UM_BAD_ARG with what would be right; *plan is zeroed on failure. Free with um_plan_free. */
um_status um_plan_init(um_ctx *ctx, um_plan *plan, const um_sample_settings *settings,
                       const um_schedule *schedule);

/* The same with an explicit list: strictly decreasing within 0 .. T-1, count > 0. settings->steps,
 * spacing, steps_offset and lambda_min_clipped are then not looked at. */
um_status um_plan_init_list(um_ctx *ctx, um_plan *plan, const um_sample_settings *settings,
                            const um_schedule *schedule, const double *timesteps, int count);

/* The same with levels that were laid before, or a part of them: level[0] to level[steps] is the
 * way that the sampler goes, alpha_bar strictly rising, steps > 0. They are copied. */
um_status um_plan_init_levels(um_ctx *ctx, um_plan *plan, const um_sample_settings *settings,
                              const um_schedule *schedule, const um_level *level, int steps);

/* What a plan's state is multiplied by to have unit variance at alpha_bar: sqrt(alpha_bar) for
 * samplers that work on x / sqrt(alpha_bar), else 1. */
double um_plan_scale_at(const um_plan *plan, double alpha_bar);

/* The row that adds noise, without the model: from alpha_bar `from` to less, `to`, for step `step`,
 * x = sqrt(to / from) x + sqrt(1 - to / from) z (Ho et al. 2020, eq. 2, for several t at once). */
um_row um_plan_noising_row(const um_plan *plan, int step, const um_level *from, const um_level *to);

/* UM_BAD_ARG where the plan wants to hear of a variance that the model does not say. */
um_status um_plan_check_model(um_ctx *ctx, const um_plan *plan, bool learns_variance);

/* A zeroed plan is accepted. */
void um_plan_free(um_ctx *ctx, um_plan *plan);

/* The table that --explain prints, one call of `put` a line (which ends with its newline): per row
 * step, t, t_prev, alpha_bar, alpha_bar_prev, sigma (the standard deviation of the noise added) and
 * the coefficients of x, x0, eps and the history. A Langevin step (pc) has those of the score; a
 * learned variance has a sigma for each number. */
void um_plan_explain(const um_plan *plan, void (*put)(void *user, const char *line), void *user);

#endif
