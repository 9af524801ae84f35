/* SPDX-License-Identifier: MIT
 * noising.h - the forward process: which t an image gets, and the image at t. */
#ifndef UM_NOISING_H
#define UM_NOISING_H

#include "diffusion/schedule.h"

/* The timestep in 0 .. T-1, uniform, of the image that stands at `position` in the run
 * (step * batch + place in the batch). */
int um_timestep_uniform(uint64_t seed, uint64_t position, int timesteps);

/* `count` standard normal numbers for the image at `position` in the run. */
void um_noise_normal(uint64_t seed, uint64_t position, float *noise, size_t count);

/* x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps (Ho et al. eq. 4) for n images of `size`
 * elements, each with its own t in 0 .. T-1. xt may be x0 or noise. */
void um_noising_apply(const um_schedule *s, int n, size_t size, const int *t, const float *x0,
                      const float *noise, float *xt);

#endif
