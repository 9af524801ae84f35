/* SPDX-License-Identifier: MIT
 * run.h - a whole training: steps, log, validation, samples, checkpoints, and going on after a
 * stop. */
#ifndef UM_TRAIN_RUN_H
#define UM_TRAIN_RUN_H

#include "train/checkpoint.h"
#include "train/log.h"

/* What a progress bar shows; told after each step. */
typedef struct um_train_status {
    int64_t step, steps;
    double loss;               /* mean since the last row of log.csv */
    double images_per_second;  /* of this call */
    double seconds_left;       /* to the end of the run, or of settings->max_time */
    um_validation validation;  /* the last one */
} um_train_status;

/* Everything that training needs from above. Pointers are the caller's and outlive the call. */
typedef struct um_train_request {
    const um_train_settings *settings;
    um_unet *unet;                      /* at its starting weights */
    const um_schedule *schedule;
    const um_dataset *data;
    const um_scheduler_json *scheduler; /* goes into each model folder */
    const char *out;                    /* the run folder; it exists */
    bool resume;                        /* go on from the newest checkpoint, if there is one */
    /* All that could be read is read, the first step comes next. NULL: no matter. */
    um_status (*begun)(void *user);
    void (*told)(void *user, const um_train_status *status);
    /* Draw a picture with the network as it is (the moving average) into a PNG at path. */
    um_status (*draw)(void *user, um_unet *unet, int64_t step, const char *path);
    double draw_bytes; /* that it takes meanwhile */
    void *user;
} um_train_request;

typedef struct um_train_result {
    int64_t step, images, started_at; /* steps done in all, and where this call began */
    int64_t skipped, rollbacks;       /* updates left out and returns to a checkpoint, in all */
    double seconds;                   /* of training, over all resumes */
    double images_per_second;         /* of this call */
    size_t tape_bytes;
    bool finished;                    /* all steps are done and the model stands in out/model */
    um_validation validation;         /* the last one */
} um_train_result;

/* Train to the end, or until settings->max_time. Where the context asks to stop (UM_CANCELLED) the
 * state is saved first, so that resume loses nothing. What cannot be written once training has
 * begun is warned of and tried again; UM_IO in the end where the last try failed. */
um_status um_train(um_ctx *ctx, const um_train_request *request, um_train_result *result);

#endif
