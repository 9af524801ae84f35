/* SPDX-License-Identifier: MIT
 * guard.h - steps whose numbers went bad: a loss, a gradient or a norm that is not finite, weights
 * that an update made so, a loss far above what losses were. Each is told with the first operation
 * and tensor that went bad, the step, the seed and the images, which are a function of these; what
 * follows is settings->on_nan. */
#ifndef UM_GUARD_H
#define UM_GUARD_H

#include "train/validate.h"

/* Losses that the running mean and deviation look back over, and that are seen before the first is
 * judged. */
enum { UM_SPIKE_WINDOW = 100 };

/* What has been seen; training state, all zero at the start. */
typedef struct um_guard {
    int64_t skipped, skipped_in_row; /* updates: in all, and since the last that was made */
    int64_t rollbacks, returns;      /* in all, and in a row to the checkpoint of `target` */
    int64_t target;
    int64_t losses;                  /* learnt from; of these: */
    double loss_mean, loss_variance;
} um_guard;

/* One step. */
typedef struct um_guarded {
    double loss;
    um_step_report report; /* the norm also of an update that was not made; its lr is 0 */
    bool made;             /* the update */
} um_guarded;

/* A step of the trainer on the batch at `position` of the run. UM_OK: it is made or, where
 * settings->on_nan is skip, left out and warned of: weights, moments, the average and Adam's count
 * are as they were, the learning rate goes on. UM_NOT_FINITE: the message says what went bad; where
 * out->made, the update has been made, and it was that which spoilt the weights. */
um_status um_guard_step(um_guard *guard, um_trainer *trainer, const um_batch *batch,
                        int64_t position, um_guarded *out);

/* um_validate, and UM_NOT_FINITE naming what went bad where the loss is not finite. */
um_status um_guard_validate(um_trainer *trainer, um_feed *feed, um_batch *batch,
                            um_validation *out);

/* Count a return to the checkpoint of step `target`, from what the context's message tells.
 * UM_NOT_FINITE, with settings->on_nan_limit put behind that message, where it has been returned to
 * so often already. */
um_status um_guard_return(um_guard *guard, um_ctx *ctx, const um_train_settings *settings,
                          int64_t target);

/* Take a loss that was learnt from into the running mean and variance (Finch 2009, "Incremental
 * calculation of weighted mean and variance", section 9), for n losses so far:
 *
 *     a = 1 / min(n, UM_SPIKE_WINDOW),   d = loss - mean
 *     mean += a d,   variance = (1 - a) (variance + a d^2)
 *
 * which is the plain mean and variance at first, and forgets exponentially behind the window. */
void um_guard_learn(um_guard *guard, double loss);

/* Deviations that a loss lies above the running mean; 0 below it, and until it can be judged. */
double um_guard_zscore(const um_guard *guard, double loss);

#endif
