/* SPDX-License-Identifier: MIT
 * log.h - log.csv of a run: one row for each logged step, each step once, also over resumes. */
#ifndef UM_TRAIN_LOG_H
#define UM_TRAIN_LOG_H

#include "base/base.h"

/* Mean losses on held-out images: of all, and by quarters of the timesteps. */
typedef struct um_validation {
    bool done;
    double loss, quarter[4];
    double accuracy, accuracy_at_0; /* of a classifier: at those timesteps, and at t = 0 */
} um_validation;

typedef struct um_log_row {
    int64_t step, images;
    double loss;      /* mean since the row before */
    double grad_norm, lr, images_per_second, seconds;
    um_validation validation; /* empty cells where it was not done */
    bool accuracies;          /* with cells for them */
} um_log_row;

/* Begin the file, with columns of accuracies where they are wanted, or keep of an older one the
 * whole rows up to `step`; what follows them is gone. UM_BAD_FILE, with the file as it was, where
 * it is no log of this program with these columns; UM_IO. */
um_status um_log_begin(um_ctx *ctx, const char *path, int64_t step, bool accuracies);

/* Append a row and flush it to the system. */
um_status um_log_append(um_ctx *ctx, const char *path, const um_log_row *row);

#endif
