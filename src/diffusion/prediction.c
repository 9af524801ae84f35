/* SPDX-License-Identifier: MIT
 * prediction.c - the three parameterisations, each as one linear rule. */
#include "diffusion/prediction.h"

#include <math.h>

const um_choice um_predictions[] = {
    { "epsilon", UM_PREDICTION_EPSILON },
    { "v_prediction", UM_PREDICTION_V },
    { "sample", UM_PREDICTION_SAMPLE },
    { NULL, 0 },
};

um_prediction_rule um_prediction_rule_at(um_prediction kind, double alpha_bar)
{
    const double a = sqrt(alpha_bar), s = sqrt(1.0 - alpha_bar);
    switch (kind) {
    case UM_PREDICTION_EPSILON:
        return (um_prediction_rule){ .x0_x = 1.0 / a, .x0_out = -s / a, .eps_out = 1.0 };
    case UM_PREDICTION_V:
        return (um_prediction_rule){ .x0_x = a, .x0_out = -s, .eps_x = s, .eps_out = a };
    case UM_PREDICTION_SAMPLE:
        break;
    }
    return (um_prediction_rule){ .x0_out = 1.0, .eps_x = 1.0 / s, .eps_out = -a / s };
}

um_status um_prediction_check(um_ctx *ctx, um_prediction kind, const double *alpha_bar, int count)
{
    for (int i = 0; i < count; i++) {
        if (kind == UM_PREDICTION_EPSILON && !(alpha_bar[i] > 0.0))
            return um_fail(ctx, UM_BAD_ARG,
                           "diffusion.prediction_type = epsilon cannot tell the image from pure "
                           "noise, alpha_bar = 0 (v_prediction or sample with zero terminal SNR)");
        if (kind == UM_PREDICTION_SAMPLE && !(alpha_bar[i] < 1.0))
            return um_fail(ctx, UM_BAD_ARG,
                           "diffusion.prediction_type = sample cannot tell the noise where "
                           "alpha_bar = 1 (a larger diffusion.beta_start)");
    }
    return UM_OK;
}

void um_prediction_target(um_prediction kind, double alpha_bar, size_t n, const float *x0,
                          const float *noise, float *target)
{
    const double a = sqrt(alpha_bar), s = sqrt(1.0 - alpha_bar);
    double of_x0 = 0.0, of_noise = 0.0;
    switch (kind) {
    case UM_PREDICTION_EPSILON: of_noise = 1.0; break;
    case UM_PREDICTION_V: of_noise = a, of_x0 = -s; break;
    case UM_PREDICTION_SAMPLE: of_x0 = 1.0; break;
    }
    for (size_t i = 0; i < n; i++)
        target[i] = (float)(of_x0 * (double)x0[i] + of_noise * (double)noise[i]);
}
