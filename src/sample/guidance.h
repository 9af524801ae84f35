/* SPDX-License-Identifier: MIT
 * guidance.h - classifier-free guidance (Ho and Salimans 2022): a class-conditional model is asked
 * with the class and without, and what the class changes counts w times. */
#ifndef UM_GUIDANCE_H
#define UM_GUIDANCE_H

#include "sample/driver.h"

/* A model that wraps another. It says u + w (c - u), where c is the answer for the image's class
 * and u that for the null class; outside the interval w is 1. Predictions are linear in the noise,
 * so this is the same for epsilon, v and x_0 (the rescaling is not: it is of the answer as it is).
 * Where w is 0 or 1 for all images the other answer is not asked for. A learned variance is that
 * for the image's class, as in diffusers' pipelines. */
typedef struct um_guidance {
    um_ctx *ctx;
    um_denoiser model;
    um_guidance_settings settings;
    int null_class; /* the label that stands for none                           */
    int timesteps;  /* that the model was trained with: the interval's scale    */
    size_t size;    /* numbers of an image, and of an answer                    */
    int room;       /* images that the memory below is for; 0: none yet         */
    float *x, *y;   /* two batches shown (not with passes), two batches of answers */
    double *t;
    int *labels;
} um_guidance;

/* Does the model have to have a null class for these? */
bool um_guidance_is_on(const um_guidance_settings *s);

/* How many images' worth of work the model does for one image at timestep t: 1 or 2. */
int um_guidance_calls(const um_guidance_settings *s, int timesteps, double t);

/* How many images the model may be shown at once where n are drawn at once: n or 2 n. */
int um_guidance_at_once(const um_guidance_settings *s, int n);

/* Bytes of its own for batches of n images. */
size_t um_guidance_bytes(const um_guidance_settings *s, size_t size, int n, bool learns_variance);

/* Guide `model`, whose images and answers have `size` numbers. */
void um_guidance_init(um_guidance *g, um_ctx *ctx, const um_denoiser *model,
                      const um_guidance_settings *settings, int null_class, int timesteps,
                      size_t size);
void um_guidance_free(um_guidance *g);

/* The samplers' view; *g is the user pointer. It takes its memory at the first call, UM_NO_MEMORY,
 * and wants labels. */
um_denoiser um_denoiser_from_guidance(um_guidance *g);

#endif
