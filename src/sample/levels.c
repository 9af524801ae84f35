/* SPDX-License-Identifier: MIT
 * levels.c - from a list of timesteps, or a grid of sigmas, to levels. */
#include "sample/levels.h"

#include <math.h>

#include "sample/sde.h"
#include "sample/timesteps.h"

/* What a method can work with at timestep t. Between timesteps sigma is interpolated. */
static double alpha_bar_at(const um_schedule *s, const um_level_rule *rule, double t)
{
    const double bar = um_schedule_alpha_bar_at(s, t);
    return rule->finite_sigma ? fmax(bar, UM_ALPHA_BAR_LEAST) : bar;
}

/* A grid goes from sigma `from` to `to` in `n` levels: the i-th. */
typedef double grid_fn(double from, double to, double u);

/* Karras et al. 2022 (EDM), eq. 5, with rho = 7. */
static double karras(double from, double to, double u)
{
    const double rho = 7.0, a = pow(from, 1.0 / rho), b = pow(to, 1.0 / rho);
    return pow(a + u * (b - a), rho);
}

/* Equal ratios. Uniform in lambda = -log sigma is the same grid: Lu et al. 2022, section 3.4. */
static double exponential(double from, double to, double u)
{
    return exp(log(from) + u * (log(to) - log(from)));
}

static grid_fn *const grid_of[] = {
    [UM_SIGMAS_KARRAS] = karras,
    [UM_SIGMAS_EXPONENTIAL] = exponential,
    [UM_SIGMAS_LU_LAMBDAS] = exponential,
};

/* Does diffusers round t on this grid? Its exponential grid it does not. */
static bool rounds(const um_sample_settings *settings, const um_level_rule *rule,
                   const um_schedule *s)
{
    return rule->rounded && settings->sigmas != UM_SIGMAS_EXPONENTIAL &&
           s->settings.kind != UM_SCHEDULE_COSINE;
}

/* Replace the levels of the list by those of the grid. */
static void lay_grid(const um_sample_settings *settings, const um_level_rule *rule,
                     const um_schedule *s, um_level *level, int steps)
{
    const bool listed = rule->listed_ends;
    const double first = listed ? level[0].alpha_bar : alpha_bar_at(s, rule, s->timesteps - 1);
    const double last = listed ? level[steps - 1].alpha_bar : alpha_bar_at(s, rule, 0);
    for (int i = 0; i < steps; i++) {
        const double u = steps > 1 ? (double)i / (steps - 1) : 0.0;
        const double sigma = grid_of[settings->sigmas](um_sigma_of(first), um_sigma_of(last), u);
        const double t = um_schedule_timestep_at(s, sigma);
        level[i] = (um_level){ rounds(settings, rule, s) ? rint(t) : t, um_alpha_bar_of(sigma) };
    }
}

/* Where the last step leads: the data, or the schedule's least noise where that is still below. */
static um_level final_level(const um_sample_settings *settings, const um_schedule *s,
                            const um_level *last)
{
    const bool least = settings->final_sigmas == UM_FINAL_SIGMA_MIN;
    return least && s->alpha_bar[0] > last->alpha_bar ? (um_level){ 0.0, s->alpha_bar[0] }
                                                      : (um_level){ -1.0, 1.0 };
}

static um_status check_rising(um_ctx *ctx, const um_level *level, int steps)
{
    for (int i = 0; i < steps; i++)
        if (!(level[i + 1].alpha_bar > level[i].alpha_bar))
            return um_fail(ctx, UM_BAD_ARG,
                           "the noise does not fall from timestep %g to the next (fewer "
                           "sample.steps, or another sigma grid)", level[i].t);
    return UM_OK;
}

static um_status lay(um_ctx *ctx, const um_sample_settings *settings, const um_level_rule *rule,
                     const um_schedule *s, const double *timesteps, int steps, um_level *level)
{
    for (int i = 0; i < steps; i++) {
        const double bar = um_schedule_alpha_bar_at(s, timesteps[i]);
        UM_TRY(um_prediction_check(ctx, settings->prediction, &bar, 1));
        level[i] = (um_level){ timesteps[i], alpha_bar_at(s, rule, timesteps[i]) };
    }
    if (settings->sigmas != UM_SIGMAS_TRAINING) lay_grid(settings, rule, s, level, steps);
    level[steps] = final_level(settings, s, &level[steps - 1]);
    return check_rising(ctx, level, steps);
}

/* Times of the process. What the network predicts must say something at the schedule's own last
 * timestep too, which the process lifts to UM_ALPHA_BAR_LEAST. */
static um_status lay_continuous(um_ctx *ctx, const um_sample_settings *settings,
                                const um_schedule *s, const double *timesteps, int count,
                                um_level *level)
{
    um_sde sde;
    if (settings->sde == UM_SDE_DISCRETE)
        UM_TRY(um_prediction_check(ctx, settings->prediction, &s->alpha_bar[s->timesteps - 1], 1));
    UM_TRY(um_sde_init(ctx, &sde, settings, s));
    for (int i = 0; i < count; i++)
        level[i] = um_sde_level(&sde, um_sde_time(&sde, timesteps[i]));
    level[count] = (um_level){ -1.0, 1.0 };
    um_sde_free(ctx, &sde);
    return check_rising(ctx, level, count);
}

um_status um_levels_list(um_ctx *ctx, const um_sample_settings *settings,
                         const um_level_rule *rule, const um_schedule *schedule,
                         const double *timesteps, int count, um_level **levels)
{
    *levels = NULL;
    UM_TRY(um_timesteps_check(ctx, timesteps, count, schedule->timesteps));
    UM_TRY(um_alloc(ctx, levels, (size_t)count + 1, sizeof **levels, "the noise levels"));
    const um_status status =
        rule->continuous ? lay_continuous(ctx, settings, schedule, timesteps, count, *levels)
                         : lay(ctx, settings, rule, schedule, timesteps, count, *levels);
    if (status == UM_OK) return UM_OK;
    um_free(ctx, *levels);
    *levels = NULL;
    return status;
}

/* How many timesteps, from 0 up, have lambda >= lambda_min_clipped. */
static int unclipped(const um_schedule *s, double lambda_min)
{
    int n = s->timesteps;
    while (n > 0 && !(-log(um_sigma_of(s->alpha_bar[n - 1])) >= lambda_min)) n--;
    return n;
}

/* The timesteps of steps + 1 times, from the time grid's start to its end. */
static um_status time_list(um_ctx *ctx, const um_sample_settings *settings, const um_schedule *s,
                           double **list, int *count)
{
    const int steps = settings->steps ? settings->steps : s->timesteps;
    um_sde sde;
    if (steps < 1 || steps > UM_TIMESTEPS_MAX)
        return um_fail(ctx, UM_BAD_ARG, "sample.steps = %d (1 to %d; 0: the model's timesteps)",
                       steps, UM_TIMESTEPS_MAX);
    UM_TRY(um_sde_init(ctx, &sde, settings, s));
    const um_status status = um_alloc(ctx, list, (size_t)steps + 1, sizeof **list, "the times");
    if (status == UM_OK) {
        *count = steps + 1;
        for (int i = 0; i <= steps; i++)
            (*list)[i] = um_sde_timestep(&sde, um_sde_grid(&sde, (double)i / steps));
    }
    um_sde_free(ctx, &sde);
    return status;
}

/* The timesteps to visit. */
static um_status timestep_list(um_ctx *ctx, const um_sample_settings *settings,
                               const um_level_rule *rule, const um_schedule *s, double **list,
                               int *count)
{
    if (rule->continuous) return time_list(ctx, settings, s, list, count);
    const int visible = unclipped(s, settings->lambda_min_clipped);
    if (visible == 0)
        return um_fail(ctx, UM_BAD_ARG, "sample.lambda_min_clipped = %g leaves no timestep (below "
                       "%g)", settings->lambda_min_clipped, -log(um_sigma_of(s->alpha_bar[0])));
    return um_timesteps_list(ctx, settings, rule, visible, list, count);
}

um_status um_levels_lay(um_ctx *ctx, const um_sample_settings *settings, const um_level_rule *rule,
                        const um_schedule *schedule, um_level **levels, int *steps)
{
    double *list;
    *levels = NULL;
    *steps = 0;
    UM_TRY(timestep_list(ctx, settings, rule, schedule, &list, steps));
    const um_status status =
        /* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): set when UM_OK */
        um_levels_list(ctx, settings, rule, schedule, list, *steps, levels);
    if (status == UM_OK && rule->continuous && !settings->denoise) --*steps;
    um_free(ctx, list);
    return status;
}
