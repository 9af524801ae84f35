/* SPDX-License-Identifier: MIT
 * loss.c - names of the losses, and how much an image at t counts. */
#include "diffusion/loss.h"

#include <math.h>

const um_choice um_loss_kinds[] = {
    { "mse", UM_LOSS_MSE },
    { "huber", UM_LOSS_HUBER },
    { "l1", UM_LOSS_L1 },
    { "l2", UM_LOSS_MSE },
    { NULL, 0 },
};

const um_choice um_weighting_kinds[] = {
    { "uniform", UM_WEIGHTING_UNIFORM },
    { "min_snr", UM_WEIGHTING_MIN_SNR },
    { NULL, 0 },
};

const um_choice um_variance_models[] = {
    { "fixed", UM_VARIANCE_MODEL_FIXED },
    { "learned_range", UM_VARIANCE_MODEL_LEARNED_RANGE },
    { NULL, 0 },
};

um_loss_settings um_loss_defaults(void)
{
    return (um_loss_settings){
        .kind = UM_LOSS_MSE,
        .huber_delta = 1.0,
        .weighting = UM_WEIGHTING_UNIFORM,
        .min_snr_gamma = 5.0,
        .variance = UM_VARIANCE_MODEL_FIXED,
        .vlb_weight = 0.001,
    };
}

/* With d the error of x_0, the squared error of epsilon is SNR d^2 and that of v (SNR + 1) d^2:
 * each is divided out, so that all three end as min(SNR, gamma) d^2. */
static double min_snr(double gamma, double snr, um_prediction prediction)
{
    switch (prediction) {
    case UM_PREDICTION_EPSILON: return snr <= gamma ? 1.0 : gamma / snr;
    case UM_PREDICTION_V: return UM_MIN(snr, gamma) / (snr + 1.0);
    case UM_PREDICTION_SAMPLE: break;
    }
    return UM_MIN(snr, gamma);
}

double um_loss_weight(const um_loss_settings *loss, const um_schedule *s, um_prediction prediction,
                      int t)
{
    if (loss->weighting == UM_WEIGHTING_MIN_SNR)
        return min_snr(loss->min_snr_gamma, um_schedule_snr(s, t), prediction);
    return 1.0;
}

double um_loss_bound_weight(const um_loss_settings *loss, const um_schedule *s)
{
    return loss->variance == UM_VARIANCE_MODEL_FIXED ? 0 : loss->vlb_weight * s->timesteps;
}

void um_loss_bound_row(const um_schedule *s, um_prediction prediction, int t,
                       double row[UM_BOUND_ROW])
{
    const um_prediction_rule rule = um_prediction_rule_at(prediction, s->alpha_bar[t]);
    row[0] = rule.x0_x;
    row[1] = rule.x0_out;
    row[2] = s->mean_x0[t];
    row[3] = log(s->beta[t]);
    row[4] = s->log_variance[t];
    row[5] = t == 0;
}
