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

/* What the machine reaches at most, on all threads of run.threads together. */
typedef struct um_bench_machine {
    char cpu[64];
    int threads;
    double gflops;    /* 1e9 multiplications and additions of f32 a second, in registers */
    double gigabytes; /* 1e9 bytes a second between memory and processor */
} um_bench_machine;

/* One kernel of one tier on one shape. */
typedef struct um_bench_kernel {
    char kernel[32], shape[64], isa[16];
    int images;
    bool product;                   /* counts operations, else bytes */
    double seconds, median_seconds; /* of the fastest call, and of most */
    double rate;                    /* GFLOP/s or GB/s of the fastest; a multiply-add counts two,
                                       and a convolution its direct sums, however it is done */
    double part;                    /* of what the machine reaches; caches can make it exceed 1 */
} um_bench_kernel;

typedef struct um_bench_kernel_hooks {
    void (*machine)(void *user, const um_bench_machine *machine); /* first; may be NULL */
    void (*row)(void *user, const um_bench_kernel *row);          /* as each is done */
    void *user;
} um_bench_kernel_hooks;

/* Time every kernel that works on numbers (`kernel`: this one alone, where it is not NULL) on
 * shapes of common U-Nets, in each tier of this machine or in that of run.isa, on train.batch
 * images (16 where nobody gave it), products in train.precision, `reps` times. UM_BAD_ARG,
 * UM_CANCELLED between shapes. */
UM_API um_status um_bench_kernels(um_settings *s, const char *kernel, int reps,
                                  const um_bench_kernel_hooks *hooks);

#ifdef __cplusplus
}
#endif
#endif
