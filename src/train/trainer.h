/* SPDX-License-Identifier: MIT
 * trainer.h - one network in training: a batch in, a step down the loss.
 *
 *     x_t = sqrt(abar_t) x0 + sqrt(1 - abar_t) eps;   loss = mean_i w_i distance(unet(x_t, t),
 * target)
 *
 * or, of a classifier, mean_i -log p(label | x_t, t). */
#ifndef UM_TRAINER_H
#define UM_TRAINER_H

#include "base/need.h"
#include "diffusion/schedule.h"
#include "nn/unet.h"
#include "train/feed.h"
#include "train/optimizer.h"

typedef struct um_trainer um_trainer;

/* Record the network for images of h x w, and take no memory for the steps yet, but for the
 * gradients, whose places are recorded. unet, schedule and settings must outlive the trainer. The
 * network's present values are where it starts. */
um_status um_trainer_plan(um_trainer **trainer, um_ctx *ctx, um_unet *unet,
                          const um_schedule *schedule, const um_train_settings *settings, int h,
                          int w);

/* Name the work, and add what the steps of a planned trainer take, a batch included. */
void um_trainer_need(const um_trainer *trainer, um_need *need);

/* Take all that steps need; UM_NO_MEMORY where `need` is more than there is. */
um_status um_trainer_ready(um_trainer *trainer, const um_need *need);

/* The three in turn. */
um_status um_trainer_open(um_trainer **trainer, um_ctx *ctx, um_unet *unet,
                          const um_schedule *schedule, const um_train_settings *settings, int h,
                          int w);
void um_trainer_close(um_trainer **trainer);

/* One step of the optimiser on settings->batch images; *loss is their mean loss. */
um_status um_trainer_step(um_trainer *trainer, const um_batch *batch, double *loss,
                          um_step_report *report);

/* Its two halves: the gradients of the batch's loss and their norm, which may not be finite; and
 * the update, of which UM_NOT_FINITE says that it was not made (um_optimizer_step). */
um_status um_trainer_gradients(um_trainer *trainer, const um_batch *batch, double *loss,
                               double *norm);
um_status um_trainer_update(um_trainer *trainer, const um_batch *batch, double norm,
                            um_step_report *report);

/* From here on walks end at the first operation whose numbers are not finite: UM_NOT_FINITE names
 * it. Off, it is as settings->check_nan says. */
void um_trainer_check_nan(um_trainer *trainer, bool on);

/* The loss of each image of the batch (any n up to settings->batch), without dropout and without
 * weights; `right`, where not NULL: whether the label has a classifier's highest score. */
um_status um_trainer_losses(um_trainer *trainer, const um_batch *batch, double *losses,
                            bool *right);

um_optimizer_state *um_trainer_optimizer(um_trainer *trainer);

/* Where the next batch's timesteps come from: each step teaches it that batch's losses. */
um_timestep_sampler *um_trainer_timesteps(um_trainer *trainer);

um_unet *um_trainer_unet(um_trainer *trainer);

/* Put the moving average in the place of the weights, or back: call it in pairs. */
void um_trainer_swap_ema(um_trainer *trainer);

/* The tape that the steps walk, for who looks on (um_tape_observe). */
um_tape *um_trainer_tape(um_trainer *trainer);

/* Bytes of activations and gradients that the tape planned. */
size_t um_trainer_tape_bytes(const um_trainer *trainer);

#endif
