/* SPDX-License-Identifier: MIT
 * loss.h - which distance the training minimises, and how much an image at t counts. The distance
 * itself is an operation of autograd; this is its description. */
#ifndef UM_DIFFUSION_LOSS_H
#define UM_DIFFUSION_LOSS_H

#include "diffusion/prediction.h"
#include "diffusion/schedule.h"
#include "tensor/kernels/loss.h"

/* mse, l2; huber; l1. */
extern const um_choice um_loss_kinds[];

typedef enum um_weighting_kind {
    UM_WEIGHTING_UNIFORM, /* 1: the simple loss of Ho et al., eq. 14                           */
    UM_WEIGHTING_MIN_SNR, /* min(SNR, gamma) of the loss on x_0 (Hang et al. 2023, 2303.09556) */
} um_weighting_kind;

/* uniform; min_snr. */
extern const um_choice um_weighting_kinds[];

typedef struct um_loss_settings {
    um_loss_kind kind;
    double huber_delta;
    um_weighting_kind weighting;
    double min_snr_gamma;
} um_loss_settings;

/* mse, delta 1, uniform, gamma 5. */
um_loss_settings um_loss_defaults(void);

/* The factor on the loss of an image at t (0 .. T-1), for a network that predicts `prediction`. */
double um_loss_weight(const um_loss_settings *loss, const um_schedule *s, um_prediction prediction,
                      int t);

#endif
