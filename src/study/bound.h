/* SPDX-License-Identifier: MIT
 * bound.h - the variational bound term by term (Ho et al. 2020, eq. 5; here t = 0 .. T-1 is the
 * paper's t less one):
 *
 *     -log p(x_0) <= L_T + sum over t >= 1 of L_t + L_0
 *     L_T = KL(q(x_{T-1} | x_0) || N(0, I))
 *     L_t = KL(q(x_{t-1} | x_t, x_0) || p(x_{t-1} | x_t))       variances as in table 2
 *     L_0 = -log p(x_0 | x_t at t = 0): a normal one over the width of a byte (eq. 13)
 *
 * Each expectation over x_t is one draw of noise for an image and a timestep. */
#ifndef UM_BOUND_H
#define UM_BOUND_H

#include "diffusion/schedule.h"
#include "sample/driver.h"

typedef struct um_bound {
    const um_schedule *schedule;
    const um_sample_settings *sample; /* prediction, variance, clipping of the predicted x_0 */
    const um_denoiser *model;
    size_t size;  /* D, elements of an image */
    int per_image; /* timesteps of each image in 1 .. T-1, one drawn in each of as many equal parts;
                      its terms then stand for all. 0: every timestep                          */
    int batch;     /* model answers at once */
    uint64_t seed;
    void (*progress)(void *user, double part); /* of the images given, in 0 .. 1; NULL: not told */
    void *progress_user;
} um_bound;

/* Of one image, in nats. */
typedef struct um_bound_parts {
    double prior, between, decoder; /* L_T, the sum of L_t, L_0 */
} um_bound_parts;

/* Of one timestep: sums over the images that were asked there. */
typedef struct um_bound_term {
    int count;
    double nats;
    double noise_error; /* of the predicted noise: mean square over the elements */
} um_bound_term;

/* Images x0 [n, size] of bytes as byte / 127.5 - 1, number image[i], labels NULL or [n] -> parts
 * [n]; term [T] is added to. The sums do not depend on n or batch. UM_CANCELLED, UM_NOT_FINITE. */
um_status um_bound_images(um_ctx *ctx, const um_bound *bound, int n, const uint64_t *image,
                          const float *x0, const int *labels, um_bound_parts *parts,
                          um_bound_term *term);

/* Logarithm of the probability that N(mean, deviation^2) gives to the bin of the byte x, whose
 * outermost bins are open (eq. 13); at least log 1e-300. */
double um_bound_decoder(double x, double mean, double deviation);

#endif
