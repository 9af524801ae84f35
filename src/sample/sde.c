/* SPDX-License-Identifier: MIT
 * sde.c - the schedule read as continuous, the VP SDE, and the grids of times. */
#include "sample/sde.h"

#include <math.h>
#include <string.h>

/* Song et al. 2021, appendix C: below it the score of the VP SDE varies too fast. */
#define VP_END 1e-3

static um_status check_settings(um_ctx *ctx, const um_sample_settings *s, int timesteps)
{
    if (timesteps < 2)
        return um_fail(ctx, UM_BAD_ARG, "diffusion.timesteps = %d: samplers in continuous time "
                       "need a span of it (2 or more)", timesteps);
    if (!(s->beta_min > 0.0 && s->beta_min <= s->beta_max && s->beta_max <= 1000.0))
        return um_fail(ctx, UM_BAD_ARG, "sample.beta_min = %g, beta_max = %g (above 0, beta_max at "
                       "least beta_min and at most 1000)", s->beta_min, s->beta_max);
    if (!(s->time_grid_s >= 0.0 && s->time_grid_s <= 1.0))
        return um_fail(ctx, UM_BAD_ARG, "sample.time_grid_s = %g (0 to 1)", s->time_grid_s);
    if (!(s->time_end >= 0.0 && s->time_end < 0.99))
        return um_fail(ctx, UM_BAD_ARG, "sample.time_end = %g (0 to 0.99)", s->time_end);
    return UM_OK;
}

um_status um_sde_init(um_ctx *ctx, um_sde *sde, const um_sample_settings *settings,
                      const um_schedule *schedule)
{
    const int timesteps = schedule->timesteps;
    memset(sde, 0, sizeof *sde);
    UM_TRY(check_settings(ctx, settings, timesteps));
    double *log_bar = NULL;
    if (settings->sde == UM_SDE_DISCRETE) {
        UM_TRY(um_alloc(ctx, &log_bar, (size_t)timesteps, sizeof *log_bar, "the process"));
        for (int t = 0; t < timesteps; t++)
            log_bar[t] = log(fmax(schedule->alpha_bar[t], UM_ALPHA_BAR_LEAST));
    }
    *sde = (um_sde){
        .kind = settings->sde, .timesteps = timesteps, .log_bar = log_bar,
        .beta_min = settings->beta_min, .beta_max = settings->beta_max,
        .grid = settings->time_grid, .grid_s = settings->time_grid_s,
        .end = settings->sde == UM_SDE_VP && settings->time_end == 0.0 ? VP_END
                                                                       : settings->time_end,
    };
    return UM_OK;
}

void um_sde_free(um_ctx *ctx, um_sde *sde)
{
    um_free(ctx, sde->log_bar);
    memset(sde, 0, sizeof *sde);
}

double um_sde_timestep(const um_sde *sde, double time) { return time * (sde->timesteps - 1); }

double um_sde_time(const um_sde *sde, double timestep)
{
    return timestep / (sde->timesteps - 1);
}

/* How log alpha_bar falls from timestep k to k + 1: below 0. */
static double fall(const um_sde *sde, int k) { return sde->log_bar[k + 1] - sde->log_bar[k]; }

/* The slope of log alpha_bar at timestep k: the harmonic mean of the falls beside it, which keeps
 * a cubic through falling values falling (Fritsch and Butland 1984); at the ends a parabola's,
 * kept as they say. */
static double slope(const um_sde *sde, int k)
{
    const int last = sde->timesteps - 1;
    if (last == 1) return fall(sde, 0);
    if (k > 0 && k < last) {
        const double a = fall(sde, k - 1), b = fall(sde, k);
        return 2.0 * a * b / (a + b);
    }
    const double near = fall(sde, k ? last - 1 : 0), far = fall(sde, k ? last - 2 : 1);
    return fmin(1.5 * near - 0.5 * far, 0.0);
}

/* Hermite's cubic between two timesteps: its value, and its slope for a unit of timesteps. */
static double cubic(const um_sde *sde, double time, double *steep)
{
    const double t = um_sde_timestep(sde, time);
    const int k = UM_MAX(0, UM_MIN((int)t, sde->timesteps - 2));
    const double u = t - k, a = slope(sde, k), b = slope(sde, k + 1), d = fall(sde, k);
    const double second = 3.0 * d - 2.0 * a - b, third = a + b - 2.0 * d;
    *steep = a + u * (2.0 * second + 3.0 * third * u);
    return sde->log_bar[k] + u * (a + u * (second + third * u));
}

double um_sde_log_alpha_bar(const um_sde *sde, double time)
{
    double steep;
    if (sde->kind == UM_SDE_DISCRETE) return cubic(sde, time, &steep);
    return -time * (sde->beta_min + 0.5 * time * (sde->beta_max - sde->beta_min));
}

double um_sde_beta(const um_sde *sde, double time)
{
    double steep;
    if (sde->kind == UM_SDE_VP) return sde->beta_min + time * (sde->beta_max - sde->beta_min);
    cubic(sde, time, &steep);
    return -steep * (sde->timesteps - 1);
}

um_level um_sde_level(const um_sde *sde, double time)
{
    return (um_level){ um_sde_timestep(sde, time), exp(um_sde_log_alpha_bar(sde, time)) };
}

static double uniform(double u, double s) { return (void)s, 1.0 - u; }

static double quadratic(double u, double s) { return (void)s, 1.0 - u * u; }

static double cosine(double u, double s)
{
    const double c = cos(M_PI / 2.0 * (u + s) / (1.0 + s));
    return c * c;
}

static double (*const grid_of[])(double u, double s) = {
    [UM_TIME_GRID_UNIFORM] = uniform,
    [UM_TIME_GRID_QUADRATIC] = quadratic,
    [UM_TIME_GRID_COSINE] = cosine,
};

double um_sde_grid(const um_sde *sde, double u)
{
    return sde->end + (1.0 - sde->end) * grid_of[sde->grid](u, sde->grid_s);
}

um_drift um_sde_drift(const um_sde *sde, double time, double weight)
{
    const double log_bar = um_sde_log_alpha_bar(sde, time), beta = um_sde_beta(sde, time);
    const double noise = -expm1(log_bar), bar = exp(log_bar);
    return (um_drift){ .x = beta * (weight - 0.5 + 0.5 * bar) / noise,
                       .x0 = -beta * weight * sqrt(bar) / noise };
}
