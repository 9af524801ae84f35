/* SPDX-License-Identifier: MIT
 * timesteps.c - one function for each spacing: the i-th of S, from the noise to the data. */
#include "sample/timesteps.h"

#include <math.h>

/* A spacing's i-th timestep of S out of T, counted from the noise (i = 0) to the data. */
typedef double spacing_fn(int i, int steps, int timesteps);

static double leading(int i, int steps, int timesteps)
{
    return (double)(steps - 1 - i) * (timesteps / steps);
}

/* numpy's arange adds multiples of the first difference as it was rounded; rint rounds halves to
 * even, as numpy does. */
static double trailing(int i, int steps, int timesteps)
{
    const double stride = (timesteps - (double)timesteps / steps) - timesteps;
    return rint(timesteps + i * stride) - 1.0;
}

static double linspace(int i, int steps, int timesteps)
{
    const int k = steps - 1 - i;
    if (steps == 1) return 0.0;
    if (i == 0) return timesteps - 1.0;
    return k * ((timesteps - 1.0) / (steps - 1));
}

/* Song et al. 2021 (DDIM), appendix D.3: dense near the data. */
static double quadratic(int i, int steps, int timesteps)
{
    const double k = steps - 1 - i, last = steps > 1 ? steps - 1 : 1;
    return floor(0.8 * timesteps * (k * k) / (last * last));
}

static spacing_fn *const spacing_of[] = {
    [UM_SPACING_LEADING] = leading,
    [UM_SPACING_TRAILING] = trailing,
    [UM_SPACING_LINSPACE] = linspace,
    [UM_SPACING_QUADRATIC] = quadratic,
};

um_status um_timesteps_check(um_ctx *ctx, const double *list, int count, int timesteps)
{
    if (count < 1) return um_fail(ctx, UM_BAD_ARG, "no timesteps (at least one)");
    for (int i = 0; i < count; i++) {
        if (!(list[i] >= 0.0 && list[i] <= timesteps - 1.0))
            return um_fail(ctx, UM_BAD_ARG, "timestep %g does not exist (0 to %d)", list[i],
                           timesteps - 1);
        if (i > 0 && list[i] >= list[i - 1])
            return um_fail(ctx, UM_BAD_ARG,
                           "timestep %g follows %g (each must be smaller than the one before)",
                           list[i], list[i - 1]);
    }
    return UM_OK;
}

/* leading and quadratic count up from 0, so only they have room for an offset, and diffusers adds
 * it to leading alone. */
static int offset_of(const um_sample_settings *s)
{
    return s->spacing == UM_SPACING_LEADING || s->spacing == UM_SPACING_QUADRATIC
               ? s->steps_offset : 0;
}

static um_status check_settings(um_ctx *ctx, const um_sample_settings *s, int timesteps)
{
    if ((unsigned)s->spacing >= UM_COUNT(spacing_of))
        return um_fail(ctx, UM_BAD_ARG, "sample.timestep_spacing = %d is not known",
                       (int)s->spacing);
    if (s->steps < 0 || s->steps > timesteps)
        return um_fail(ctx, UM_BAD_ARG,
                       "sample.steps = %d (1 to %d, the model's timesteps; 0: all of them)",
                       s->steps, timesteps);
    if (s->steps_offset < 0 || s->steps_offset >= timesteps)
        return um_fail(ctx, UM_BAD_ARG, "sample.steps_offset = %d (0 to %d)", s->steps_offset,
                       timesteps - 1);
    return UM_OK;
}

/* An open list is the closed one of a step more, without its last entry; only trailing is open by
 * itself. With every timestep there is nothing to leave out. */
static int spaced(const um_sample_settings *s, const um_level_rule *rule, int steps, int timesteps)
{
    const bool open = rule->open && s->spacing != UM_SPACING_TRAILING && steps < timesteps;
    return steps + open;
}

um_status um_timesteps_list(um_ctx *ctx, const um_sample_settings *settings,
                            const um_level_rule *rule, int timesteps, double **list, int *count)
{
    *list = NULL;
    *count = 0;
    UM_TRY(check_settings(ctx, settings, timesteps));
    const int steps = settings->steps ? settings->steps : timesteps;
    const int offset = offset_of(settings), of = spaced(settings, rule, steps, timesteps);
    spacing_fn *const at = spacing_of[settings->spacing];
    const double first = at(0, of, timesteps) + offset;
    if (first >= timesteps)
        return um_fail(ctx, UM_BAD_ARG,
                       "sample.steps_offset = %d makes %d steps start at timestep %.0f, and %d is "
                       "the last (steps_offset at most %d, or fewer steps)",
                       offset, steps, first, timesteps - 1,
                       timesteps - 1 - (int)at(0, of, timesteps));
    double *t;
    int n = 0;
    UM_TRY(um_alloc(ctx, &t, (size_t)steps, sizeof *t, "the timesteps"));
    for (int i = 0; i < steps; i++) {
        double now = at(i, of, timesteps) + offset;
        if (!rule->fractional) now = rint(now);
        if (n == 0 || now != t[n - 1]) t[n++] = now;
    }
    const um_status st = um_timesteps_check(ctx, t, n, timesteps);
    if (st != UM_OK) {
        um_free(ctx, t);
        return st;
    }
    *list = t;
    *count = n;
    return UM_OK;
}
