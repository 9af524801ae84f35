/* SPDX-License-Identifier: MIT
 * steering.h - a model steered by a classifier of noised images (Dhariwal and Nichol 2021, arXiv
 * 2105.05233, algorithm 2), for any sampler. */
#ifndef UM_STEERING_H
#define UM_STEERING_H

#include "sample/classifier_guide.h"
#include "sample/driver.h"

/* A model that wraps another:
 *
 *     eps' = eps - s sqrt(1 - alpha_bar) grad log p(y | x_t)
 *
 * where the other says eps; where it says v or x_0, what comes to the same. At alpha_bar 0 nothing
 * of an image is there to be classified, and nothing is changed. */
typedef struct um_steering {
    um_ctx *ctx;
    um_denoiser model;
    um_classifier *classifier;
    const um_schedule *schedule; /* of the model */
    um_prediction prediction;    /* of the model */
    double scale;                /* s            */
    size_t size;                 /* numbers of an image */
    int room;                    /* images that the gradient is for; 0: none yet */
    float *grad;
} um_steering;

/* Everything must outlive *s. */
void um_steering_init(um_steering *s, um_ctx *ctx, const um_denoiser *model,
                      um_classifier *classifier, const um_schedule *schedule,
                      um_prediction prediction, double scale);
void um_steering_free(um_steering *s);

/* The samplers' view; *s is the user pointer. It takes its memory at the first call, UM_NO_MEMORY,
 * and wants labels that the classifier knows. */
um_denoiser um_denoiser_from_steering(um_steering *s);

#endif
