/* SPDX-License-Identifier: MIT
 * sde.h - the diffusion as a process in continuous time, t in [0, 1] (Song et al. 2021, eq. 11):
 *
 *     dx = -beta(t)/2 x dt + sqrt(beta(t)) dw,     alpha_bar(t) = exp(-integral of beta, 0 .. t)
 *
 * and back: dx = (-beta/2 x - beta score) dt + sqrt(beta) dw (eq. 6), or without noise, by the
 * probability flow, dx = (-beta/2 x - beta/2 score) dt (eq. 13). */
#ifndef UM_SDE_H
#define UM_SDE_H

#include "sample/levels.h"

/* Zeroed is no process yet, and may be freed. */
typedef struct um_sde {
    um_sde_kind kind;
    int timesteps; /* T: at time t the model is told t (T-1) */
    double beta_min, beta_max;
    double *log_bar; /* discrete: log alpha_bar at each timestep */
    um_time_grid grid;
    double grid_s, end;
} um_sde;

/* UM_BAD_ARG, with what would be right, for settings out of range and a model of one timestep. */
um_status um_sde_init(um_ctx *ctx, um_sde *sde, const um_sample_settings *settings,
                      const um_schedule *schedule);
void um_sde_free(um_ctx *ctx, um_sde *sde);

double um_sde_log_alpha_bar(const um_sde *sde, double time);
double um_sde_beta(const um_sde *sde, double time);

/* What the model is told at a time, the time at which it is told so, and the noise there. */
double um_sde_timestep(const um_sde *sde, double time);
double um_sde_time(const um_sde *sde, double timestep);
um_level um_sde_level(const um_sde *sde, double time);

/* The time grid: u = 0 is its start, 1 its end. */
double um_sde_grid(const um_sde *sde, double u);

/* dx/dt = x * .x + x_0 * .x0 */
typedef struct um_drift {
    double x, x0;
} um_drift;

/* -beta/2 x - weight beta score, where score = -(x - sqrt(alpha_bar) x_0) / (1 - alpha_bar): weight
 * 1 is the reverse process, 1/2 the probability flow. */
um_drift um_sde_drift(const um_sde *sde, double time, double weight);

#endif
