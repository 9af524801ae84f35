/* SPDX-License-Identifier: MIT
 * feed.h - which images, timesteps and noise a step sees: functions of the seed and of the number
 * of images seen before, so that a run that is resumed goes on exactly where it was. */
#ifndef UM_FEED_H
#define UM_FEED_H

#include "diffusion/schedule.h"
#include "io/dataset.h"
#include "train/settings.h"

typedef struct um_feed {
    um_ctx *ctx;
    const um_dataset *data;
    const um_schedule *schedule;
    const um_timestep_sampler *timesteps; /* of training; the caller's */
    uint64_t seed;
    bool flip;
    double label_dropout;
    uint32_t *order; /* the permutation of `epoch` */
    int64_t epoch;   /* -1: none yet */
} um_feed;

/* n images as a training step takes them; arrays of the caller's. */
typedef struct um_batch {
    int n;
    float *x0, *noise; /* [n, h, w, c] */
    int *t;            /* [n], 0 .. T-1 */
    int *labels;       /* [n], -1: the class is not shown */
    double *weights;   /* [n], how much each counts, beside its t's weight in the loss; NULL: 1 */
} um_batch;

/* data, schedule and timesteps must outlive the feed. */
um_status um_feed_init(um_feed *feed, um_ctx *ctx, const um_dataset *data,
                       const um_schedule *schedule, const um_timestep_sampler *timesteps,
                       const um_train_settings *settings);
void um_feed_free(um_feed *feed);

/* Images position .. position + n - 1 of the run, in an order shuffled anew each epoch; their
 * timesteps depend on what `timesteps` has learnt of the losses before. */
um_status um_feed_training(um_feed *feed, int64_t position, um_batch *batch);

/* Held-out images first .. first + n - 1, each with a timestep and noise of its own that never
 * change: image i gets t in the quarter i mod 4 of 0 .. T-1. Each counts 1. */
um_status um_feed_validation(um_feed *feed, int first, um_batch *batch);

/* Bytes of a batch of n images of so many numbers. */
size_t um_batch_bytes(int n, size_t image);

um_status um_batch_init(um_ctx *ctx, um_batch *batch, int n, size_t image);
void um_batch_free(um_ctx *ctx, um_batch *batch);

#endif
