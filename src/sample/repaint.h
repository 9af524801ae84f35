/* SPDX-License-Identifier: MIT
 * repaint.h - drawing the unknown part of an image (Lugmayr et al. 2022, 2201.09865). */
#ifndef UM_REPAINT_H
#define UM_REPAINT_H

#include "sample/plan.h"

/* Algorithm 1 with jumps (its appendix): every `jump_length` steps the way down is left, noise is
 * added for jump_length steps, and they are walked again, until each was walked `resamples` times;
 * behind each step known pixels are put in at the noise of its level. Each descent is a plan of its
 * own, so that methods with a history begin it anew. The last row leaves known pixels as they are
 * in the image. The request has to say which are known.
 *
 * UM_BAD_ARG for a sampler whose steps do not lead from level to level, and for jump_length or
 * resamples below 1. */
um_status um_repaint_plan(um_ctx *ctx, um_plan *plan, const um_sample_settings *settings,
                          const um_schedule *schedule, int jump_length, int resamples);

#endif
