/* SPDX-License-Identifier: MIT
 * timestep_sampling.c - uniform, or where the loss is large: with importance weights the mean is
 * the same and its variance least (Nichol and Dhariwal 2021, section 3.3). */
#include "diffusion/timestep_sampling.h"

#include "base/random.h"
#include "diffusion/noising.h"

#include <math.h>
#include <string.h>

/* A thousandth of the draws is uniform, as in the authors' code: no t is forgotten. */
static const double uniform_part = 0.001;

const um_choice um_timestep_samplings[] = {
    { "uniform", UM_TIMESTEPS_UNIFORM },
    { "loss_second_moment", UM_TIMESTEPS_LOSS_SECOND_MOMENT },
    { NULL, 0 },
};

um_status um_timestep_sampler_init(um_ctx *ctx, um_timestep_sampler *s, um_timestep_sampling kind,
                                   int timesteps)
{
    static const char what[] = "the history of losses";
    const size_t T = (size_t)timesteps;
    *s = (um_timestep_sampler){ .kind = kind, .timesteps = timesteps };
    if (kind == UM_TIMESTEPS_UNIFORM) return UM_OK;
    um_status status =
        um_alloc(ctx, &s->history, T * UM_LOSS_HISTORY, sizeof *s->history, what);
    if (status == UM_OK) status = um_alloc(ctx, &s->count, T, sizeof *s->count, what);
    if (status == UM_OK) status = um_alloc(ctx, &s->moment, T, sizeof *s->moment, what);
    if (status == UM_OK) status = um_alloc(ctx, &s->cumulative, T, sizeof *s->cumulative, what);
    if (status != UM_OK) um_timestep_sampler_free(ctx, s);
    return status;
}

void um_timestep_sampler_free(um_ctx *ctx, um_timestep_sampler *s)
{
    um_free(ctx, s->history);
    um_free(ctx, s->count);
    um_free(ctx, s->moment);
    um_free(ctx, s->cumulative);
    *s = (um_timestep_sampler){ 0 };
}

/* The first t whose cumulative probability is above u; rounding may leave u above the last. */
static int first_above(const um_timestep_sampler *s, double u)
{
    int low = 0, high = s->timesteps - 1;
    while (low < high) {
        const int middle = low + (high - low) / 2;
        if (s->cumulative[middle] > u) high = middle;
        else low = middle + 1;
    }
    return low;
}

int um_timestep_sampler_draw(const um_timestep_sampler *s, uint64_t seed, uint64_t position,
                             double *weight)
{
    *weight = 1;
    if (!s->warm) return um_timestep_uniform(seed, position, s->timesteps);
    const um_random r = { seed, UM_STREAM_TIMESTEP, position };
    const int t = first_above(s, um_random_uniform(&r, 0));
    const double p = s->cumulative[t] - (t ? s->cumulative[t - 1] : 0);
    *weight = 1 / (s->timesteps * p);
    return t;
}

static void find_moment(um_timestep_sampler *s, int t)
{
    const float *losses = s->history + (size_t)t * UM_LOSS_HISTORY;
    double sum = 0;
    for (int i = 0; i < UM_LOSS_HISTORY; i++) sum += (double)losses[i] * (double)losses[i];
    s->moment[t] = sqrt(sum / UM_LOSS_HISTORY);
}

/* p_t from the moments, once every t has its history. */
static void find_probabilities(um_timestep_sampler *s)
{
    double sum = 0, below = 0;
    s->warm = true;
    for (int t = 0; t < s->timesteps; t++) {
        s->warm = s->warm && s->count[t] == UM_LOSS_HISTORY;
        sum += s->moment[t];
    }
    s->warm = s->warm && sum > 0;
    for (int t = 0; t < s->timesteps && s->warm; t++) {
        below += (1 - uniform_part) * s->moment[t] / sum + uniform_part / s->timesteps;
        s->cumulative[t] = below;
    }
}

void um_timestep_sampler_learn(um_timestep_sampler *s, int n, const int *t, const double *losses)
{
    if (s->kind == UM_TIMESTEPS_UNIFORM) return;
    for (int i = 0; i < n; i++) {
        float *own = s->history + (size_t)t[i] * UM_LOSS_HISTORY, *count = &s->count[t[i]];
        if (*count == UM_LOSS_HISTORY)
            memmove(own, own + 1, (UM_LOSS_HISTORY - 1) * sizeof *own);
        else *count += 1;
        own[(int)*count - 1] = (float)losses[i];
        find_moment(s, t[i]);
    }
    find_probabilities(s);
}

um_status um_timestep_sampler_restore(um_ctx *ctx, um_timestep_sampler *s)
{
    if (s->kind == UM_TIMESTEPS_UNIFORM) return UM_OK;
    for (int t = 0; t < s->timesteps; t++) {
        const float count = s->count[t];
        if (!(count >= 0 && count <= UM_LOSS_HISTORY && count == floorf(count)))
            return um_fail(ctx, UM_BAD_FILE, "%g losses of timestep %d (0 to %d)", (double)count, t,
                           UM_LOSS_HISTORY);
        for (int i = 0; i < UM_LOSS_HISTORY; i++) {
            const float loss = s->history[(size_t)t * UM_LOSS_HISTORY + (size_t)i];
            if (!(loss >= 0 && isfinite(loss)))
                return um_fail(ctx, UM_BAD_FILE, "a loss of %g at timestep %d (0 or more)",
                               (double)loss, t);
        }
        find_moment(s, t);
    }
    find_probabilities(s);
    return UM_OK;
}
