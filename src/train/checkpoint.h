/* SPDX-License-Identifier: MIT
 * checkpoint.h - what an exact resume needs, beside the model: training_state.safetensors holds the
 * raw weights ("raw.NAME") and the optimiser's averages ("m.NAME", "v.NAME") in our own layout, and
 * where timesteps are drawn by their losses, these ("timesteps.history", "timesteps.count"); the
 * moving average is the model itself (unet/), and training_state.json has the counters, and as
 * "log_rows" what log.csv lacks. */
#ifndef UM_CHECKPOINT_H
#define UM_CHECKPOINT_H

#include "io/model_folder.h"
#include "train/guard.h"

/* How far a run is. All random streams are functions of the seed and of these. */
typedef struct um_progress {
    int64_t step, images;      /* images: those of steps that were gone back behind too */
    double seconds;            /* spent in training, over all resumes */
    double loss_sum;           /* of updates made since the last row of log.csv */
    int64_t loss_count;
    um_guard guard;
    const char *rows;          /* of log.csv that could not be written yet; NULL: none */
} um_progress;

/* Write the folder: the model as a diffusers pipeline, and the training state. Whole or not at all:
 * UM_NOT_FINITE, with nothing written, names what holds an infinity or a NaN. */
um_status um_checkpoint_save(um_ctx *ctx, const char *folder, um_trainer *trainer,
                             const um_scheduler_json *scheduler, const um_progress *progress);

/* The model alone, as a pipeline folder; whole or not at all as well. */
um_status um_checkpoint_save_model(um_ctx *ctx, const char *folder, um_trainer *trainer,
                                   const um_scheduler_json *scheduler);

/* Fill trainer (weights, optimiser, moving average) and progress from a folder. UM_BAD_FILE names
 * what does not fit; the trainer is then not to be used. */
um_status um_checkpoint_load(um_ctx *ctx, const char *folder, um_trainer *trainer,
                             um_progress *progress);

/* The rows of log.csv that a checkpoint keeps, as a text (um_free), or NULL in *rows: for
 * um_log_restore. um_checkpoint_load leaves them out. */
um_status um_checkpoint_rows(um_ctx *ctx, const char *folder, char **rows);

/* Fill the network's weights with the raw ones of a checkpoint instead of the moving average. */
um_status um_checkpoint_load_raw(um_ctx *ctx, const char *folder, um_unet *unet);

/* The newest checkpoint below a run's folder, as a path (um_free), or NULL in *out where there is
 * none. */
um_status um_checkpoint_newest(um_ctx *ctx, const char *run, char **out);

/* The same of those that a run with settings->checkpoint_every = `every` writes in its course, and
 * of its start: not of those that a stop or a full disk brought in between; -1: of all. *step is
 * its step. */
um_status um_checkpoint_regular(um_ctx *ctx, const char *run, int every, char **out, int64_t *step);

/* Remove all but the newest `keep` (0: all stay) and, where `every` is not negative, the newest
 * regular one; no half of one is ever seen. UM_IO. */
um_status um_checkpoint_prune(um_ctx *ctx, const char *run, int keep, int every);

/* Remove those behind `step`, the newest first, in the same way. */
um_status um_checkpoint_forget(um_ctx *ctx, const char *run, int64_t step);

#endif
