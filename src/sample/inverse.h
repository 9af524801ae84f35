/* SPDX-License-Identifier: MIT
 * inverse.h - from an image to the noise that ddim makes it of. */
#ifndef UM_INVERSE_H
#define UM_INVERSE_H

#include "sample/plan.h"

enum { UM_INVERSE_CORRECTIONS_MAX = 32 };

/* DDIM inversion, diffusers' DDIMInverseScheduler. Not in the list of samplers: it starts from
 * images. Its levels are those of the sampler that leads back; settings.corrections > 0 solves for
 * the x that a step of ddim leads here from, instead of assuming that the noise stays the same. */
extern const um_sampler um_sampler_ddim_inverse;

/* Plan the way from images up to forth->level[0], along the levels of `forth`, which is a plan for
 * the way back. */
um_status um_inverse_plan(um_ctx *ctx, um_plan *plan, const um_plan *forth,
                          const um_schedule *schedule, int corrections);

#endif
