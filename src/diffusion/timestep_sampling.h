/* SPDX-License-Identifier: MIT
 * timestep_sampling.h - which t an image of the training gets, and how much its loss counts. */
#ifndef UM_TIMESTEP_SAMPLING_H
#define UM_TIMESTEP_SAMPLING_H

#include "base/choice.h"

typedef enum um_timestep_sampling {
    UM_TIMESTEPS_UNIFORM,            /* every t alike                                             */
    UM_TIMESTEPS_LOSS_SECOND_MOMENT, /* p_t ~ sqrt(E[L_t^2]): Nichol and Dhariwal 2021, eq. 18    */
} um_timestep_sampling;

/* uniform; loss_second_moment. */
extern const um_choice um_timestep_samplings[];

/* Losses of each t that its second moment is the mean over: the paper's 10. */
enum { UM_LOSS_HISTORY = 10 };

/* What has been seen of the losses; history and count are training state. With uniform sampling
 * there is none of it. */
typedef struct um_timestep_sampler {
    um_timestep_sampling kind;
    int timesteps;
    float *history;     /* [T, UM_LOSS_HISTORY], the oldest first             */
    float *count;       /* [T], how many of them are there: 0 .. UM_LOSS_HISTORY */
    double *moment;     /* [T], sqrt(E[L_t^2])                                */
    double *cumulative; /* [T], p_0 + ... + p_t                               */
    bool warm;          /* every t has its history, and not all are 0         */
} um_timestep_sampler;

um_status um_timestep_sampler_init(um_ctx *ctx, um_timestep_sampler *s, um_timestep_sampling kind,
                                   int timesteps);
void um_timestep_sampler_free(um_ctx *ctx, um_timestep_sampler *s);

/* The t of the image at `position` in the run, and in *weight 1 / (T p_t), by which its loss counts
 * so that the mean stays that over uniform t. Uniform until every t has its history. */
int um_timestep_sampler_draw(const um_timestep_sampler *s, uint64_t seed, uint64_t position,
                             double *weight);

/* The losses of n images at their t, in the order of the run. */
void um_timestep_sampler_learn(um_timestep_sampler *s, int n, const int *t, const double *losses);

/* Make moment, cumulative and warm anew from history and count. UM_BAD_FILE, in words that go after
 * a path, where these cannot be: counts that are no whole numbers of 0 .. UM_LOSS_HISTORY, losses
 * below 0 or not finite. */
um_status um_timestep_sampler_restore(um_ctx *ctx, um_timestep_sampler *s);

#endif
