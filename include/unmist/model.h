/* SPDX-License-Identifier: MIT
 * unmist/model.h - a trained network. */
#ifndef UNMIST_MODEL_H
#define UNMIST_MODEL_H

#include "unmist/settings.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct um_model um_model;

/* Open a model: a run folder, a checkpoint folder, or any diffusers pipeline or UNet2DModel folder.
 * Settings in use: run.threads, run.isa, sample.precision, sample.weights (raw needs a checkpoint
 * with its training state). The settings may be closed before the model. UM_BAD_FILE names what is
 * missing or does not fit. On failure *m is NULL. */
UM_API um_status um_model_open(um_model **m, um_ctx *ctx, const char *path, um_settings *s);

/* Close and set *m to NULL; a *m that is NULL is accepted. So for every _close of the library. */
UM_API void um_model_close(um_model **m);

typedef struct um_model_facts {
    int channels, out_channels;
    int h, w;          /* of its images; 0: the model does not say */
    int classes;       /* 0: not class-conditional */
    bool null_class;   /* one more, numbered `classes`, stands for none: the model can be guided */
    int tensors;       /* parameters by name */
    int64_t numbers;   /* of all parameters together */
    int64_t multiply_adds; /* of products and convolutions for one image; 0 where h, w are 0 */
    int timesteps;
    const char *folder, *schedule, *prediction; /* owned by the model */
} um_model_facts;

/* Fill *out; cannot fail. */
UM_API void um_model_describe(const um_model *m, um_model_facts *out);

/* The i-th parameter as files name and shape it; false behind the last. The name is owned by the
 * model. */
UM_API bool um_model_parameter(const um_model *m, int i, const char **name, int *rank,
                               int64_t shape[4]);

/* One forward pass on a safetensors file into another, which appears whole or not at all: reads
 * `sample` [N, C, H, W], `timestep` [N] or a single one, and `class_labels` [N] from a
 * class-conditional model's, and writes `output`. With `gradients` and `target` [N, C', H, W] also
 * `loss` [1] (mean squared error), `grad_sample` and `grad.NAME` of each parameter. UM_BAD_FILE
 * names the tensor that is missing or has another shape. */
UM_API um_status um_model_forward_file(um_model *m, const char *in, const char *out,
                                       bool gradients);

/* The output alone, on arrays of the caller's: x [n, h, w, channels] in [-1, 1] -> out [n, h, w,
 * out_channels]; t [n] timesteps from 0 on; labels [n] classes, or NULL for a model without.
 * UM_BAD_SHAPE for sizes that the network cannot take, UM_BAD_ARG for classes that it does not
 * have; out is then as it was. */
UM_API um_status um_model_forward(um_model *m, int n, int h, int w, const float *x, const double *t,
                                  const int *labels, float *out);

/* Write the model as a diffusers pipeline folder, weights as "f32", "f16" or "bf16" (UM_BAD_ARG for
 * others; UM_NOT_FINITE where a weight is too large for it). Whole or not at all. A pipeline that
 * stands there is replaced; UM_IO where a folder holds anything else. */
UM_API um_status um_model_export(um_model *m, const char *path, const char *dtype);

#ifdef __cplusplus
}
#endif
#endif
