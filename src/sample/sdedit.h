/* SPDX-License-Identifier: MIT
 * sdedit.h - images from images: noised part of the way, then denoised (Meng et al. 2022,
 * 2108.01073). */
#ifndef UM_SDEDIT_H
#define UM_SDEDIT_H

#include "sample/plan.h"

/* Plan the last round(strength * steps) steps of the settings' sampler, at least one: it starts
 * there, so what it knows of earlier steps is nothing. The first row noises the images that the
 * request starts from. With every step (strength 1) nothing is left of them: *from_noise is set,
 * and the plan is that of um_plan_init. 0 < strength <= 1, else UM_BAD_ARG. */
um_status um_sdedit_plan(um_ctx *ctx, um_plan *plan, const um_sample_settings *settings,
                         const um_schedule *schedule, double strength, bool *from_noise);

#endif
