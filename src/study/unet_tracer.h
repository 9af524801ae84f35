/* SPDX-License-Identifier: MIT
 * unet_tracer.h - a U-Net as a model that tells its divergence: e^T J from the tape's backward
 * walk, for each probe e. */
#ifndef UM_UNET_TRACER_H
#define UM_UNET_TRACER_H

#include "sample/unet_denoiser.h"
#include "study/probes.h"
#include "study/traced_model.h"

typedef struct um_unet_tracer {
    um_unet_denoiser denoiser;
    um_probes probes;
    um_real *probe; /* of the images on the tape */
    int room;       /* images that it holds      */
    const uint64_t *image; /* of the run that is under way, and where its traces go */
    double *trace;
} um_unet_tracer;

/* For images of h x w; unet must outlive it. probes.size is filled in. What the denoiser lets be
 * set before its first run may be set then. */
void um_unet_tracer_init(um_unet_tracer *tracer, um_ctx *ctx, um_unet *unet, int h, int w,
                         const um_probes *probes);
void um_unet_tracer_free(um_unet_tracer *tracer);

/* *tracer is the user pointer and stays where it is. */
um_traced_model um_traced_model_from_unet(um_unet_tracer *tracer);

#endif
