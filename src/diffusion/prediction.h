/* SPDX-License-Identifier: MIT
 * prediction.h - what the network's output means, and the way to x_0 and the noise from there.
 *
 * With a = sqrt(alpha_bar), s = sqrt(1 - alpha_bar), x = a x_0 + s eps:
 *     epsilon        out = eps
 *     v_prediction   out = a eps - s x_0        (Salimans and Ho 2022)
 *     sample         out = x_0 */
#ifndef UM_PREDICTION_H
#define UM_PREDICTION_H

#include "base/choice.h"

typedef enum um_prediction {
    UM_PREDICTION_EPSILON,
    UM_PREDICTION_V,
    UM_PREDICTION_SAMPLE,
} um_prediction;

/* epsilon; v_prediction; sample. */
extern const um_choice um_predictions[];

/* x_0 = x0_x x + x0_out out and eps = eps_x x + eps_out out: each prediction is linear. */
typedef struct um_prediction_rule {
    double x0_x, x0_out, eps_x, eps_out;
} um_prediction_rule;

/* The rule at alpha_bar. epsilon needs alpha_bar > 0 and sample alpha_bar < 1: see the check. */
um_prediction_rule um_prediction_rule_at(um_prediction kind, double alpha_bar);

/* UM_BAD_ARG where the prediction says nothing about x_0 (epsilon when some alpha_bar is 0) or
 * about the noise (sample when some alpha_bar is 1). */
um_status um_prediction_check(um_ctx *ctx, um_prediction kind, const double *alpha_bar, int count);

/* What the network should have said, `n` elements of one image. target may be noise or x0. */
void um_prediction_target(um_prediction kind, double alpha_bar, size_t n, const float *x0,
                          const float *noise, float *target);

#endif
