/* SPDX-License-Identifier: MIT
 * bench.h - the time of a training step and of a model call, and what it goes into. */
#ifndef UM_BENCH_H
#define UM_BENCH_H

#include "diffusion/schedule.h"
#include "nn/unet.h"
#include "train/settings.h"
#include "unmist/bench.h"

/* What is measured, and on what. */
typedef struct um_bench_request {
    um_unet *unet;
    int h, w, batch;
    uint64_t seed; /* of the images */
    bool check_nan;
    um_precision precision; /* of the model call's products; a training's settings have their own */
    const um_train_settings *train; /* of a training; NULL: the model call of the samplers */
    const um_schedule *schedule;
    const um_bench_options *options;
} um_bench_request;

/* Fill the times, the memory and the shares of *out; the rest of it is left alone. UM_CANCELLED
 * between steps when the context asks. */
um_status um_bench_run(um_ctx *ctx, const um_bench_request *request, um_bench_result *out);

#endif
