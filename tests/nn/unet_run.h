/* SPDX-License-Identifier: MIT
 * unet_run.h - a golden network with its inputs on a tape, run both ways. */
#ifndef UM_UNET_RUN_H
#define UM_UNET_RUN_H

#include "io/safetensors.h"
#include "nn/unet.h"
#include "support/check.h"

typedef struct unet_run {
    um_ctx *ctx;
    um_unet *unet;
    um_tape *tape;
    um_safetensors io; /* of tests/golden/unet/NAME */
    um_var x, time, labels, target, output, loss;
} unet_run;

/* The folders of tests/golden/unet; NULL behind the last. */
extern const char *const unet_run_models[];

/* Load the model `name`, record it with the file's inputs, walk forward and back. ctx has its
 * kernels. */
void unet_run_start(unet_run *r, um_ctx *ctx, const char *name, bool recompute);

/* The same with the operands of products rounded. */
void unet_run_start_in(unet_run *r, um_ctx *ctx, const char *name, bool recompute,
                       um_precision precision);
void unet_run_stop(unet_run *r);

/* A tensor of the file, as it is there; um_free it. */
float *unet_run_stored(unet_run *r, const char *name, size_t *count);

/* The same with channels last, as our tensors are. */
float *unet_run_stored_images(unet_run *r, const char *name, size_t *count);

#endif
