/* SPDX-License-Identifier: MIT
 * run_record.h - what a run leaves on the disk: rows of its log, pictures, checkpoints, the model.
 * What cannot be written there is warned of and does not end the training: what was written before
 * stays, rows wait, a checkpoint is tried again. */
#ifndef UM_RUN_RECORD_H
#define UM_RUN_RECORD_H

#include "train/run.h"

typedef struct um_run_record {
    um_ctx *ctx;
    const um_train_request *request;
    um_trainer *trainer;
    um_log_file log;
    int64_t saved_step; /* of the newest checkpoint, -1: none */
    int64_t retry_step; /* when the one that failed is tried again; 0: none did */
    int64_t retry_gap;  /* steps from the last try to that one */
    bool model_stands;
    unsigned failing;   /* a bit for each kind of output whose last write failed */
} um_run_record;

/* Ready to go on behind saved_step; request and trainer outlive it. UM_IO and UM_BAD_FILE as
 * um_log_begin. Free with um_run_record_free, also after a failure. */
um_status um_run_record_begin(um_run_record *record, um_ctx *ctx, const um_train_request *request,
                          um_trainer *trainer, int64_t saved_step);
void um_run_record_free(um_run_record *record);

/* Of these calls none fails for what cannot be written: um_run_record_verdict tells in the end. */
um_status um_run_record_row(um_run_record *record, const um_log_row *row);

/* The picture of this step; with `missing` only where there is none yet. UM_CANCELLED. */
um_status um_run_record_picture(um_run_record *record, int64_t step, bool missing);

/* A checkpoint, unless the newest is of this step already; `last`: no other try follows. */
um_status um_run_record_checkpoint(um_run_record *record, const um_progress *progress, bool last);
um_status um_run_record_model(um_run_record *record);

/* Where settings->on_nan is rollback: go back to the newest regular checkpoint, without one to the
 * newest of all, the trainer and *progress as they were there but for images, which are the
 * caller's. What is behind it, rows and checkpoints, is gone. UM_NOT_FINITE, with the context's
 * message and why, where there is none or um_guard_return says so; UM_BAD_FILE, UM_IO. */
um_status um_run_record_go_back(um_run_record *record, um_progress *progress);

/* Is this the step to try a failed checkpoint again? */
bool um_run_record_retries(const um_run_record *record, int64_t step);

/* Write the rows that wait; UM_IO, with the kinds of which the last write failed, if there are
 * any. */
um_status um_run_record_verdict(um_run_record *record);

/* The rows that the log of a finished run lacks, from its newest checkpoint. UM_IO; UM_BAD_FILE
 * where the log is none. */
um_status um_run_record_late_rows(um_ctx *ctx, const char *out, bool accuracies);

#endif
