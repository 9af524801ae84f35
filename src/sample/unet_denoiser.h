/* SPDX-License-Identifier: MIT
 * unet_denoiser.h - a U-Net as the model that samplers ask. */
#ifndef UM_UNET_DENOISER_H
#define UM_UNET_DENOISER_H

#include "nn/unet.h"
#include "sample/driver.h"

/* Holds a tape for parts of the last batch size that was asked (um_unet_part; an
 * image's bits do not depend on it); another size is recorded anew where its parts are others. */
typedef struct um_unet_denoiser {
    um_ctx *ctx;
    um_unet *unet;
    bool check_nan; /* name the first operation that goes bad; set before the first run */
    um_precision precision; /* of products; set before the first run */
    bool differentiable;    /* the tape can walk back from y to x; set before the first run */
    /* With images from .. from + n - 1 of a run at the start of the tape, walked forward; NULL. */
    um_status (*after_part)(void *user, int from, int n);
    void *after_user;
    int n, h, w;    /* images that it is ready for; 0: none yet */
    int fast;       /* images that the network is fast at; 0: not asked yet */
    int part;       /* images on the tape */
    um_tape *tape;
    um_var x, t, labels, y;
} um_unet_denoiser;

/* For images of h x w; unet must outlive it. */
void um_unet_denoiser_init(um_unet_denoiser *d, um_ctx *ctx, um_unet *unet, int h, int w);
void um_unet_denoiser_free(um_unet_denoiser *d);

/* The bytes of activations that batches of at most n images need. Nothing is allocated for them;
 * what was recorded before is gone. */
um_status um_unet_denoiser_bytes(um_unet_denoiser *d, int n, size_t *bytes);

/* Record (if need be) for n images and answer them: x [n, h, w, in_channels], a timestep for each
 * of them, labels as um_denoiser has them -> out [n, h, w, out_channels], or of a network that
 * learns its variance two of [n, h, w, in_channels], as um_denoiser says; a differentiable one
 * answers the prediction alone. */
um_status um_unet_denoiser_run(um_unet_denoiser *d, int n, const float *x, const double *t,
                               const int *labels, float *out);

/* The samplers' view; *d is the user pointer. */
um_denoiser um_denoiser_from_unet(um_unet_denoiser *d);

#endif
