/* SPDX-License-Identifier: MIT
 * classifier_guide.h - what a classifier of noised images has to say of them, and which way they
 * would please it more (Dhariwal and Nichol 2021, arXiv 2105.05233, section 4). */
#ifndef UM_CLASSIFIER_GUIDE_H
#define UM_CLASSIFIER_GUIDE_H

#include "nn/unet.h"

/* Holds a tape for parts of the last number of images that was asked (um_unet_part; an image's bits
 * do not depend on it); another is recorded anew where its parts are others. */
typedef struct um_classifier {
    um_ctx *ctx;
    um_unet *unet; /* whose configuration has logits */
    int h, w;
    int most;      /* images that the network is fast at; 0: not asked yet */
    int part;      /* images on the tape; 0: none yet */
    bool gradient; /* is it recorded for both walks? */
    um_tape *tape;
    um_var x, t, labels, ones, logits;
} um_classifier;

/* For images of h x w; unet must outlive it. UM_BAD_ARG for a network that is no classifier, with
 * *c zeroed. */
um_status um_classifier_init(um_classifier *c, um_ctx *ctx, um_unet *unet, int h, int w);
void um_classifier_free(um_classifier *c);

/* The bytes that gradients of n images take. Nothing is allocated for them; what was recorded
 * before is gone. */
um_status um_classifier_bytes(um_classifier *c, int n, size_t *bytes);

/* Of x [n, h, w, in_channels] at timesteps t [n]: the gradient of log p(labels[i] | x_i) with
 * respect to x in out_grad, as large as x, and the scores of the classes in out_logits
 * [n, classes]. One of the two may be NULL; labels may be where out_grad is. An image's numbers do
 * not depend on the others'. UM_BAD_ARG for a label that the classifier does not know. */
um_status um_classifier_gradient(um_classifier *c, int n, const float *x, const double *t,
                                 const int *labels, float *out_grad, float *out_logits);

#endif
