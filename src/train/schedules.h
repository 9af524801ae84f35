/* SPDX-License-Identifier: MIT
 * schedules.h - what changes from step to step: the learning rate and the decay of the moving
 * average. */
#ifndef UM_TRAIN_SCHEDULES_H
#define UM_TRAIN_SCHEDULES_H

#include "train/settings.h"

/* Learning rate of the step number `step` (the first is 0), as diffusers' get_scheduler: linear
 * warm-up over settings->warmup steps, then constant, linear to 0, or half a cosine to 0 at
 * settings->steps. Steps of the optimiser count, not parts of a batch. A warm-up longer than the
 * run is a warm-up that does not end. */
double um_lr_at(const um_train_settings *settings, int64_t step);

/* Decay of the moving average after `step` steps (the first call has 1), as diffusers' EMAModel: 0
 * after the first, then min(ema_decay, 1 - (1 + k / inv_gamma)^-power), k = step - 1, or ema_decay
 * without warm-up. */
double um_ema_decay_at(const um_train_settings *settings, int64_t step);

#endif
