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

typedef enum um_variance_model {
    UM_VARIANCE_MODEL_FIXED,         /* the network says nothing of the variance              */
    UM_VARIANCE_MODEL_LEARNED_RANGE, /* where it lies between the posterior's and beta: Nichol and
                                      * Dhariwal 2021, eq. 15                                 */
} um_variance_model;

/* fixed; learned_range. */
extern const um_choice um_variance_models[];

typedef struct um_loss_settings {
    um_loss_kind kind;
    double huber_delta;
    um_weighting_kind weighting;
    double min_snr_gamma;
    um_variance_model variance; /* fixed, or learned_range with the hybrid loss of eq. 16: */
    double vlb_weight;          /* lambda, of the variational bound beside the simple loss */
} um_loss_settings;

/* mse, delta 1, uniform, gamma 5, fixed, lambda 0.001. */
um_loss_settings um_loss_defaults(void);

/* The factor on the loss of an image at t (0 .. T-1), for a network that predicts `prediction`. */
double um_loss_weight(const um_loss_settings *loss, const um_schedule *s, um_prediction prediction,
                      int t);

/* The factor on an image's term of the bound, whose T terms are summed and not averaged; 0 where
 * the variance is fixed. */
double um_loss_bound_weight(const um_loss_settings *loss, const um_schedule *s);

enum { UM_BOUND_ROW = 6 };

/* What the term at t needs (um_variational in autograd/ops.h): a, b with x_0 = a x_t + b answer,
 * the weight of x_0 in the posterior's mean, log beta, log of the posterior's variance, whether t
 * is 0. */
void um_loss_bound_row(const um_schedule *s, um_prediction prediction, int t,
                       double row[UM_BOUND_ROW]);

#endif
