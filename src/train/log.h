/* SPDX-License-Identifier: MIT
 * log.h - log.csv of a run: one row for each logged step, each step once, also over resumes. */
#ifndef UM_TRAIN_LOG_H
#define UM_TRAIN_LOG_H

#include "base/text.h"

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

/* The file of a run. Rows that could not be written wait for the next try: none is lost, none comes
 * twice or out of its turn. */
typedef struct um_log_file {
    um_ctx *ctx;
    char *path;
    int64_t bytes;   /* of the file, up to the end of its last whole row */
    int64_t begun;   /* the step of the last row that it began with, 0: none */
    um_text waiting; /* rows that are to follow */
} um_log_file;

/* Begin the file, with columns of accuracies where they are wanted, or keep of an older one the
 * whole rows up to `step`; what follows them is gone. UM_BAD_FILE, with the file as it was, where
 * it is no log of this program with these columns; UM_IO. Free with um_log_free, also after a
 * failure. */
um_status um_log_begin(um_log_file *log, um_ctx *ctx, const char *path, int64_t step,
                       bool accuracies);

/* Rows that waited when a checkpoint was written, as text: those that the file did not get after
 * that wait again. */
um_status um_log_restore(um_log_file *log, const char *rows);

/* Append a row, behind those that wait. UM_IO: it waits too. */
um_status um_log_append(um_log_file *log, const um_log_row *row);

/* Take back the rows behind `step`, those that wait too. */
um_status um_log_cut(um_log_file *log, int64_t step);

/* Write what waits and flush the file to the disk. */
um_status um_log_flush(um_log_file *log);

void um_log_free(um_log_file *log);

#endif
