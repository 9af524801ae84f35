/* SPDX-License-Identifier: MIT
 * fit.h - how many images can be drawn at once in so much memory. */
#ifndef UM_FIT_H
#define UM_FIT_H

#include "sample/guidance.h"
#include "sample/unet_denoiser.h"

/* Bytes that batches of at most n images take by these settings' sampler: activations, the driver's
 * state, guidance. */
um_status um_fit_bytes(um_unet_denoiser *d, const um_sample_settings *settings, int n,
                       double *bytes);

/* The largest *batch in 1 .. most that takes at most `room` bytes, and what it takes; 0, and what
 * one image takes, where there is none. What was recorded in *d is gone. */
um_status um_fit_batch(um_unet_denoiser *d, const um_sample_settings *settings, double room,
                       int most, int *batch, double *bytes);

#endif
