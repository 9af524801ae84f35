/* SPDX-License-Identifier: MIT
 * settings.h - everything that a person can choose about training. */
#ifndef UM_TRAIN_SETTINGS_H
#define UM_TRAIN_SETTINGS_H

#include "base/choice.h"
#include "diffusion/loss.h"
#include "diffusion/timestep_sampling.h"
#include "tensor/precision.h"

typedef enum um_optimizer { UM_ADAMW, UM_ADAM } um_optimizer;
typedef enum um_lr_schedule { UM_LR_CONSTANT, UM_LR_LINEAR, UM_LR_COSINE } um_lr_schedule;

/* What follows where a loss, a gradient or weights went bad (guard.h). */
typedef enum um_on_nan { UM_ON_NAN_STOP, UM_ON_NAN_SKIP, UM_ON_NAN_ROLLBACK } um_on_nan;

extern const um_choice um_on_nan_choices[]; /* stop, skip, rollback */
extern const um_choice um_optimizers[];   /* adamw, adam */
extern const um_choice um_lr_schedules[]; /* constant, linear, cosine */

typedef struct um_train_settings {
    uint64_t seed;
    int64_t steps;  /* of the optimiser */
    int batch;      /* images in each of them */
    int accumulate; /* parts that a batch is computed in, one after another; divides batch; 0: as
                     * many as make it fast (um_unet_part) */
    bool flip;      /* mirror each image with probability 1/2 */
    double label_dropout; /* probability that an image is shown without its class */
    bool recompute; /* trade time for memory (gradient checkpointing) */
    um_precision precision; /* of products */
    bool check_nan; /* look at every operation for numbers that went bad */

    um_prediction prediction;
    um_loss_settings loss;
    um_timestep_sampling timestep_sampling;

    um_optimizer optimizer;
    double lr, beta1, beta2, eps, weight_decay;
    double clip_norm; /* largest norm of the gradient; 0: not clipped */
    um_on_nan on_nan;
    int64_t on_nan_limit; /* skips in a row, or returns to one checkpoint; then it stops */
    double spike_zscore;  /* deviations above its mean at which a loss is bad too; 0: none is */
    um_lr_schedule lr_schedule;
    int64_t warmup; /* steps of linear warm-up */

    double ema_decay; /* largest decay of the moving average; 0: the weights themselves */
    bool ema_warmup;  /* start with a short memory */
    double ema_inv_gamma, ema_power;

    int log_every, validate_every, sample_every, checkpoint_every; /* steps; 0: never */
    int validation_images; /* at most; 0: all that are held out */
    int keep;        /* newest checkpoints that stay; 0: all */
    double max_time; /* seconds of this call; 0: no limit */
} um_train_settings;

#endif
