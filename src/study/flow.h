/* SPDX-License-Identifier: MIT
 * flow.h - the likelihood that a model gives to images by its probability flow (Song et al. 2021,
 * 2011.13456, section 4.3): the deterministic way from image to noise is invertible, so
 *
 *     log p_0(x(0)) = log p_T(x(T)) + integral of div f,   dx/ds = f(x, s)   (eq. 39)
 *
 * With s = log(sigma / alpha), where alpha = sqrt(alpha_bar) and sigma = sqrt(1 - alpha_bar):
 *
 *     f = sigma eps - sigma^2 x,     div f = sigma div eps - sigma^2 D
 *
 * The way leads from timestep 0 to T-1 of the schedule; between timesteps the network is asked at
 * the one that has this s, interpolated. p_0 is the density of x / alpha at
 * timestep 0, which is what a sampler gives that ends at sigma_min: nobody knows less noise. p_T is
 * the standard normal one. */
#ifndef UM_FLOW_H
#define UM_FLOW_H

#include "diffusion/prediction.h"
#include "diffusion/schedule.h"
#include "study/integrate.h"
#include "study/traced_model.h"

typedef struct um_flow {
    const um_schedule *schedule;
    um_prediction prediction;
    const um_traced_model *model;
    size_t size; /* D, elements of an image */
    um_ode_settings ode;
    void (*progress)(void *user, double part); /* of the batch, in 0 .. 1; NULL: not told */
    void *progress_user;
} um_flow;

/* log p_0 in nats of n images x [n, size], number image[i], labels NULL or [n]; calls[i]: how often
 * the model was asked about it. An image's bits do not depend on n. UM_CANCELLED, UM_NOT_FINITE. */
um_status um_flow_log_density(um_ctx *ctx, const um_flow *flow, int n, const uint64_t *image,
                              const double *x, const int *labels, double *log_density, int *calls);

#endif
