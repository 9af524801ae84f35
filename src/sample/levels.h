/* SPDX-License-Identifier: MIT
 * levels.h - which noise levels are visited, and what timestep the model is told at each. */
#ifndef UM_LEVELS_H
#define UM_LEVELS_H

#include "diffusion/schedule.h"
#include "sample/settings.h"

/* alpha_bar 1 is the data; it has no timestep (t = -1). */
typedef struct um_level {
    double t, alpha_bar;
} um_level;

/* How diffusers' classes differ in laying their levels; zeroed: as DDPM and DDIM do. */
typedef struct um_level_rule {
    /* S + 1 timesteps are spaced, and the last, nearest the data, left out. */
    bool open;
    /* linspace is not rounded: sigma is interpolated and the model told a fractional t. */
    bool fractional;
    /* Sigma grids span the sigmas of the spacing's list, else those of the schedule. */
    bool listed_ends;
    /* Sigma grids tell the model whole timesteps (but for cosine schedules, where one timestep
     * near T spans several levels). */
    bool rounded;
    /* The method needs sigma = sqrt((1 - alpha_bar) / alpha_bar) to be finite: alpha_bar is at
     * least UM_ALPHA_BAR_LEAST. */
    bool finite_sigma;
    /* Times of the process (sde.h) on its time grid, instead of all the above. */
    bool continuous;
} um_level_rule;

/* Lay the levels for settings->steps steps: *levels [*steps + 1], from the noise to where the last
 * step leads, strictly rising in alpha_bar. The caller frees *levels (um_free). UM_BAD_ARG, with
 * what would be right, where the settings give no such list; *levels is then NULL.
 *
 * Timesteps come from the spacing (timesteps.h); with a sigma grid only its ends do, and t follows
 * from sigma. lambda_min_clipped leaves out timesteps whose lambda = log(1 / sigma) is below it.
 * Continuous levels are steps + 1 times, and with `denoise` one more step leads to the data. */
um_status um_levels_lay(um_ctx *ctx, const um_sample_settings *settings, const um_level_rule *rule,
                        const um_schedule *schedule, um_level **levels, int *steps);

/* The same for an explicit list of timesteps: strictly falling within 0 .. T-1, count > 0. */
um_status um_levels_list(um_ctx *ctx, const um_sample_settings *settings,
                         const um_level_rule *rule, const um_schedule *schedule,
                         const double *timesteps, int count, um_level **levels);

#endif
