/* SPDX-License-Identifier: MIT
 * schedule.h - how fast the signal drowns: beta_t and everything that follows from it, in double.
 *
 *     q(x_t | x_0) = N(sqrt(alpha_bar_t) x_0, (1 - alpha_bar_t) I)        (Ho et al. 2020, eq. 4)
 *
 * Timesteps are 0 .. T-1, as in diffusers; the paper's t is ours plus one. */
#ifndef UM_SCHEDULE_H
#define UM_SCHEDULE_H

#include "base/choice.h"

typedef enum um_schedule_kind {
    UM_SCHEDULE_LINEAR,    /* linspace(beta_start, beta_end)                                    */
    UM_SCHEDULE_COSINE,    /* alpha_bar(u) = cos^2(pi/2 (u+s)/(1+s)), betas at most max_beta    */
    UM_SCHEDULE_QUADRATIC, /* linspace(sqrt(beta_start), sqrt(beta_end))^2; alias scaled_linear */
    UM_SCHEDULE_SIGMOID,   /* beta_start + (beta_end - beta_start) sigmoid(linspace(-6, 6))     */
} um_schedule_kind;

/* linear; cosine, squaredcos_cap_v2; quadratic, scaled_linear; sigmoid. */
extern const um_choice um_schedule_kinds[];

typedef struct um_schedule_settings {
    um_schedule_kind kind;
    int timesteps;               /* T, 1 .. UM_TIMESTEPS_MAX             */
    double beta_start, beta_end; /* 0 < beta < 1; cosine uses neither    */
    double cosine_s, max_beta;   /* only cosine uses them                */
    bool zero_terminal_snr;      /* rescale so that alpha_bar_{T-1} is 0 (Lin et al. 2305.08891) */
    const double *betas;         /* T given ones (diffusers' trained_betas), NULL: by kind        */
} um_schedule_settings;

enum { UM_TIMESTEPS_MAX = 1000000 };

/* What a zero terminal SNR counts as where sigma must be finite. diffusers has 2^-24, which is more
 * than what the timesteps before it have (4e-9 at T-2 of the linear schedule). */
#define UM_ALPHA_BAR_LEAST 0x1p-48

/* linear, T = 1000, betas 1e-4 .. 0.02, s = 0.008, max_beta = 0.999: Ho et al. and diffusers. */
um_schedule_settings um_schedule_defaults(void);

/* Every array has T doubles. Posterior: q(x_{t-1} | x_t, x_0) = N(mean_x0 x_0 + mean_xt x_t,
 * variance I) (eq. 6 and 7), where t = 0 leads to the data itself (alpha_bar = 1). */
typedef struct um_schedule {
    um_schedule_settings settings;
    int timesteps;
    double *beta, *alpha, *alpha_bar;
    double *mean_x0, *mean_xt;
    double *variance;     /* beta_t (1 - alpha_bar_{t-1}) / (1 - alpha_bar_t); 0 at t = 0        */
    double *log_variance; /* its logarithm, with that of t = 1 at t = 0 (clipped: it is -inf)    */
} um_schedule;

/* Fill the tables. UM_BAD_ARG for settings out of range; *s is zeroed on failure. Given betas are
 * copied: s->settings.betas is NULL. */
um_status um_schedule_init(um_ctx *ctx, um_schedule *s, const um_schedule_settings *settings);

/* Frees the tables; a zeroed schedule is accepted. */
void um_schedule_free(um_ctx *ctx, um_schedule *s);

/* sigma = sqrt((1 - alpha_bar) / alpha_bar), the noise beside an image of full strength. */
double um_sigma_of(double alpha_bar);

/* The other way: 1 / (1 + sigma^2). */
double um_alpha_bar_of(double sigma);

/* alpha_bar between timesteps, 0 <= t <= T-1, where sigma is interpolated linearly (at whole t the
 * table's own value). */
double um_schedule_alpha_bar_at(const um_schedule *s, double t);

/* The timestep that has this sigma, in 0 .. T-1: log sigma is interpolated linearly, and kept
 * within the schedule's. */
double um_schedule_timestep_at(const um_schedule *s, double sigma);

/* Signal to noise ratio alpha_bar / (1 - alpha_bar) at t in 0 .. T-1. */
double um_schedule_snr(const um_schedule *s, int t);

#endif
