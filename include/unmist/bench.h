/* SPDX-License-Identifier: MIT
 * unmist/bench.h - how fast this machine trains and samples, and where the time goes. */
#ifndef UNMIST_BENCH_H
#define UNMIST_BENCH_H

#include "unmist/settings.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum um_bench_kind { UM_BENCH_TRAIN, UM_BENCH_SAMPLE } um_bench_kind;

/* Zeroed but for reps is a sound request. */
typedef struct um_bench_options {
    int reps; /* timed steps, at least 1 */
    /* After each step, timed or not; NULL: not told. */
    void (*progress)(void *user, int done, int total);
    void *user;
} um_bench_options;

enum { UM_BENCH_OPERATIONS = 40 };

/* One operation of the tape: its parts of the time of a step, in each direction. */
typedef struct um_bench_share {
    char operation[32];
    double forward, recompute, backward;
} um_bench_share;

typedef struct um_bench_result {
    char model[1024]; /* where it came from; "": the [model] settings */
    int64_t parameters;
    int h, w, channels;
    char cpu[64], isa[16], precision[24];
    int threads, batch, reps;
    double median_seconds, least_seconds, most_seconds; /* of one step, or of one model call */
    double images_per_second;                           /* batch / median_seconds */
    double peak_rss_mib; /* the most that the process had resident; 0: the system does not say */
    double tape_mib;     /* planned for activations and gradients */
    int operations;      /* entries of share, the largest first */
    um_bench_share share[UM_BENCH_OPERATIONS];
    double optimizer; /* part of the step: clipping, step, moving average */
    double rest;      /* part of the step: what is neither */
} um_bench_result;

/* Time the trainer's own step (noising, forward, backward, clipping, optimiser) or the model call
 * of the samplers, as often as asked, after steps that are not timed; then look into a few more to
 * see where the time goes. `model` is a run, checkpoint, pipeline or UNet2DModel folder, a folder
 * with a config.json alone, or such a file (its weights are then those of run.seed); NULL: the
 * [model] settings. Settings count as in training and sampling, but that train.batch and
 * sample.batch are 16 and train.ema_decay is 0 where nobody gave them. Images are made up: of
 * data.image_size, else of the model's own size, else of 32 x 32, in 3 channels where the model
 * does not say otherwise. UM_BAD_ARG, UM_BAD_FILE, UM_CANCELLED between steps. On failure *out is
 * zeroed. */
UM_API um_status um_bench_model(um_settings *s, um_bench_kind kind, const char *model,
                                const um_bench_options *options, um_bench_result *out);

#ifdef __cplusplus
}
#endif
#endif
