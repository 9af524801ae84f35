/* SPDX-License-Identifier: MIT
 * unmist/train.h - training a network. */
#ifndef UNMIST_TRAIN_H
#define UNMIST_TRAIN_H

#include "unmist/settings.h"

#ifdef __cplusplus
extern "C" {
#endif

/* After each step. Losses are means; a validation of 0 says that there was none yet. */
typedef struct um_training_progress {
    int64_t step, steps;
    double loss, images_per_second, seconds_left, validation;
} um_training_progress;

typedef struct um_training_hooks {
    void (*begun)(void *user, const char *run, const char *description); /* before the first step */
    void (*progress)(void *user, const um_training_progress *progress);
    void *user;
} um_training_hooks;

typedef struct um_training_result {
    int64_t step, images;      /* in all */
    int64_t started_at;        /* the step where this call began */
    int64_t skipped;           /* updates left out for numbers that went bad (train.on_nan) */
    int64_t rollbacks;         /* returns to a checkpoint for the same reason */
    bool finished;             /* the model stands in RUN/model */
    double seconds;            /* of training, over all resumes */
    double images_per_second;  /* of this call */
    double validation;         /* mean loss on held-out images; 0: there was none */
    double quarter[4];         /* the same by quarters of the timesteps */
    double accuracy;           /* of a classifier on them; 0: it is none */
    double accuracy_at_0;      /* the same at timestep 0, where they are nearly as they are */
    double tape_mib;           /* planned for activations and gradients */
    char run[1024];            /* the run folder */
} um_training_result;

/* Train as the settings say. `out` is the run folder; NULL: run.out/run.name. With `resume` the
 * newest checkpoint there is gone on from (none: step 0; a finished run: nothing is done). Without
 * it a folder that holds a run is refused. Whatever happens *result is filled with how far it came.
 * UM_CANCELLED: the state is saved. What cannot be written once training has begun is a warning and
 * tried again later; UM_IO where the last try of any kind failed. hooks may be NULL. */
UM_API um_status um_train_run(um_settings *s, const char *out, bool resume,
                              const um_training_hooks *hooks, um_training_result *result);

#ifdef __cplusplus
}
#endif
#endif
