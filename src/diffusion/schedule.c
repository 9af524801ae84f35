/* SPDX-License-Identifier: MIT
 * schedule.c - the betas of each kind, and the tables that follow from any betas. */
#include "diffusion/schedule.h"

#include <math.h>
#include <string.h>

const um_choice um_schedule_kinds[] = {
    { "linear", UM_SCHEDULE_LINEAR },
    { "cosine", UM_SCHEDULE_COSINE },
    { "quadratic", UM_SCHEDULE_QUADRATIC },
    { "sigmoid", UM_SCHEDULE_SIGMOID },
    { "scaled_linear", UM_SCHEDULE_QUADRATIC },
    { "squaredcos_cap_v2", UM_SCHEDULE_COSINE },
    { NULL, 0 },
};

/* The i-th of T numbers from a to b, both included; a alone where T is 1. */
static double between(double a, double b, int i, int timesteps)
{
    return timesteps > 1 ? a + (b - a) * i / (timesteps - 1) : a;
}

static double linear(const um_schedule_settings *s, int i)
{
    return between(s->beta_start, s->beta_end, i, s->timesteps);
}

/* Nichol and Dhariwal 2021, eq. 17: the ratio of alpha_bar at both ends of the step. */
static double cosine_alpha_bar(double u, double s)
{
    const double c = cos((u + s) / (1.0 + s) * (M_PI / 2.0));
    return c * c;
}

static double cosine(const um_schedule_settings *s, int i)
{
    const double from = cosine_alpha_bar((double)i / s->timesteps, s->cosine_s);
    const double to = cosine_alpha_bar((i + 1.0) / s->timesteps, s->cosine_s);
    return fmin(1.0 - to / from, s->max_beta);
}

static double quadratic(const um_schedule_settings *s, int i)
{
    const double root = between(sqrt(s->beta_start), sqrt(s->beta_end), i, s->timesteps);
    return root * root;
}

static double sigmoid(const um_schedule_settings *s, int i)
{
    const double u = between(-6.0, 6.0, i, s->timesteps);
    return s->beta_start + (s->beta_end - s->beta_start) / (1.0 + exp(-u));
}

static double (*const beta_of[])(const um_schedule_settings *s, int i) = {
    [UM_SCHEDULE_LINEAR] = linear,
    [UM_SCHEDULE_COSINE] = cosine,
    [UM_SCHEDULE_QUADRATIC] = quadratic,
    [UM_SCHEDULE_SIGMOID] = sigmoid,
};

um_schedule_settings um_schedule_defaults(void)
{
    return (um_schedule_settings){
        .kind = UM_SCHEDULE_LINEAR,
        .timesteps = 1000,
        .beta_start = 1e-4,
        .beta_end = 0.02,
        .cosine_s = 0.008,
        .max_beta = 0.999,
    };
}

static bool is_beta(double b)
{
    return b < 1.0 && 1.0 - b < 1.0; /* false for NaN, and for what 1 - b rounds away */
}

static um_status check_given(um_ctx *ctx, const um_schedule_settings *s)
{
    for (int t = 0; s->betas && t < s->timesteps; t++)
        if (!is_beta(s->betas[t]))
            return um_fail(ctx, UM_BAD_ARG, "beta %d is %g (above 0 and below 1)", t, s->betas[t]);
    return UM_OK;
}

static um_status check_settings(um_ctx *ctx, const um_schedule_settings *s)
{
    if ((unsigned)s->kind >= UM_COUNT(beta_of))
        return um_fail(ctx, UM_BAD_ARG, "diffusion.schedule = %d is not known", (int)s->kind);
    if (s->timesteps < 1 || s->timesteps > UM_TIMESTEPS_MAX)
        return um_fail(ctx, UM_BAD_ARG, "diffusion.timesteps = %d (1 to %d)", s->timesteps,
                       UM_TIMESTEPS_MAX);
    if (!is_beta(s->beta_start) || !is_beta(s->beta_end))
        return um_fail(ctx, UM_BAD_ARG, "diffusion.beta_start = %g, beta_end = %g (both above 0 "
                       "and below 1)", s->beta_start, s->beta_end);
    if (!(s->cosine_s > 0.0 && s->cosine_s <= 1.0))
        return um_fail(ctx, UM_BAD_ARG, "diffusion.cosine_s = %g (above 0, at most 1)",
                       s->cosine_s);
    if (!is_beta(s->max_beta))
        return um_fail(ctx, UM_BAD_ARG, "diffusion.max_beta = %g (above 0 and below 1)",
                       s->max_beta);
    if (s->zero_terminal_snr && s->timesteps < 2)
        return um_fail(ctx, UM_BAD_ARG, "diffusion.rescale_betas_zero_snr with 1 timestep (2 or "
                       "more)");
    return check_given(ctx, s);
}

/* Seven tables in one allocation. */
static um_status take_tables(um_ctx *ctx, um_schedule *s, int timesteps)
{
    double *p;
    UM_TRY(um_alloc(ctx, &p, 7 * (size_t)timesteps, sizeof *p, "the noise schedule"));
    double **const table[] = { &s->beta,    &s->alpha,    &s->alpha_bar,   &s->mean_x0,
                               &s->mean_xt, &s->variance, &s->log_variance };
    for (size_t i = 0; i < UM_COUNT(table); i++) *table[i] = p + i * (size_t)timesteps;
    s->timesteps = timesteps;
    return UM_OK;
}

/* Lin et al. 2023, algorithm 1: shift sqrt(alpha_bar) so that its last value is 0, and scale it so
 * that the first stays what it was. */
static void rescale_to_zero_snr(um_schedule *s)
{
    const int last = s->timesteps - 1;
    double bar = 1.0;
    for (int t = 0; t <= last; t++) s->alpha_bar[t] = bar *= 1.0 - s->beta[t];
    const double first_root = sqrt(s->alpha_bar[0]), last_root = sqrt(s->alpha_bar[last]);
    double before = 1.0;
    for (int t = 0; t <= last; t++) {
        const double root =
            (sqrt(s->alpha_bar[t]) - last_root) * (first_root / (first_root - last_root));
        s->beta[t] = 1.0 - root * root / before;
        before = root * root;
    }
}

static void fill_tables(um_schedule *s)
{
    double before = 1.0; /* alpha_bar of the timestep below; the data's is 1 */
    for (int t = 0; t < s->timesteps; t++) {
        const double beta = s->beta[t], alpha = 1.0 - beta, bar = before * alpha;
        s->alpha[t] = alpha;
        s->alpha_bar[t] = bar;
        s->mean_x0[t] = sqrt(before) * beta / (1.0 - bar);
        s->mean_xt[t] = sqrt(alpha) * (1.0 - before) / (1.0 - bar);
        s->variance[t] = beta * (1.0 - before) / (1.0 - bar);
        s->log_variance[t] = log(s->variance[t]);
        before = bar;
    }
    s->log_variance[0] = s->timesteps > 1 ? s->log_variance[1] : log(s->beta[0]);
}

um_status um_schedule_init(um_ctx *ctx, um_schedule *s, const um_schedule_settings *settings)
{
    memset(s, 0, sizeof *s);
    UM_TRY(check_settings(ctx, settings));
    UM_TRY(take_tables(ctx, s, settings->timesteps));
    s->settings = *settings;
    s->settings.betas = NULL;
    for (int t = 0; t < s->timesteps; t++)
        s->beta[t] = settings->betas ? settings->betas[t] : beta_of[settings->kind](settings, t);
    if (settings->zero_terminal_snr) rescale_to_zero_snr(s);
    fill_tables(s);
    return UM_OK;
}

void um_schedule_free(um_ctx *ctx, um_schedule *s)
{
    um_free(ctx, s->beta);
    memset(s, 0, sizeof *s);
}

double um_sigma_of(double alpha_bar)
{
    const double bar = fmax(alpha_bar, UM_ALPHA_BAR_LEAST);
    return sqrt((1.0 - bar) / bar);
}

double um_alpha_bar_of(double sigma) { return 1.0 / (1.0 + sigma * sigma); }

double um_schedule_alpha_bar_at(const um_schedule *s, double t)
{
    const int below = (int)t;
    const double part = t - below;
    if (part == 0.0) return s->alpha_bar[below];
    const double sigma = (1.0 - part) * um_sigma_of(s->alpha_bar[below]) +
                         part * um_sigma_of(s->alpha_bar[below + 1]);
    return um_alpha_bar_of(sigma);
}

double um_schedule_timestep_at(const um_schedule *s, double sigma)
{
    int low = 0, high = s->timesteps - 1;
    if (sigma <= um_sigma_of(s->alpha_bar[low])) return low;
    if (sigma >= um_sigma_of(s->alpha_bar[high])) return high;
    while (high - low > 1) {
        const int middle = low + (high - low) / 2;
        if (um_sigma_of(s->alpha_bar[middle]) <= sigma) low = middle;
        else high = middle;
    }
    const double a = log(um_sigma_of(s->alpha_bar[low])), b = log(um_sigma_of(s->alpha_bar[high]));
    return low + (log(sigma) - a) / (b - a);
}

double um_schedule_snr(const um_schedule *s, int t)
{
    return s->alpha_bar[t] / (1.0 - s->alpha_bar[t]);
}
