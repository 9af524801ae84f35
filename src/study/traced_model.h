/* SPDX-License-Identifier: MIT
 * traced_model.h - a model that also tells the divergence of its answer. */
#ifndef UM_TRACED_MODEL_H
#define UM_TRACED_MODEL_H

#include "base/base.h"

/* As um_denoiser (sample/driver.h): x [n, size] at timesteps t [n] -> out; labels [n] or NULL.
 * Besides trace[i] = sum over j of d out_j / d x_j of image i, or an estimate of it that depends on
 * the image's number image[i] and on its x and t alone. */
typedef struct um_traced_model {
    um_status (*run)(void *user, int n, const uint64_t *image, const float *x, const double *t,
                     const int *labels, float *out, double *trace);
    void *user;
} um_traced_model;

#endif
