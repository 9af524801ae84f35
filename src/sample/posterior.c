/* SPDX-License-Identifier: MIT
 * posterior.c - the coefficients of q(x_prev | x_t, x_0), and the step that learns its variance. */
#include "sample/posterior.h"

#include <math.h>

static const double least = 1e-20; /* whose logarithm diffusers takes for that of 0 */

void um_posterior_row(um_row *row, um_variance variance)
{
    const double bar = row->alpha_bar, bar_prev = row->alpha_bar_prev;
    const double alpha = bar / bar_prev, beta = 1.0 - alpha;
    const double small = beta * (1.0 - bar_prev) / (1.0 - bar);
    row->next = (um_mix){
        .x0 = sqrt(bar_prev) * beta / (1.0 - bar),
        .x = sqrt(alpha) * (1.0 - bar_prev) / (1.0 - bar),
    };
    row->draws = row->t > 0.0; /* diffusers asks for t alone */
    if (row->t_prev < 0.0) return;
    if (um_variance_is_learned(variance)) {
        row->variance = variance;
        row->log_small = log(fmax(small, least));
        row->log_beta = log(fmax(beta, least));
    } else {
        row->next.noise = sqrt(variance == UM_VARIANCE_FIXED_LARGE ? beta : small);
    }
}

double um_learned_log_variance(um_variance variance, double v, double log_small, double log_beta)
{
    const double part = 0.5 * (v + 1.0);
    if (variance == UM_VARIANCE_LEARNED) return log(fmax(v, least));
    return part * log_beta + (1.0 - part) * log_small;
}

void um_posterior_step(const um_step *s)
{
    const um_row *row = s->row;
    um_step_linear(s);
    if (!um_variance_is_learned(row->variance)) return;
    for (size_t k = 0; k < s->n; k++) {
        const double l = um_learned_log_variance(row->variance, (double)s->v[k], row->log_small,
                                                 row->log_beta);
        s->out[k] += exp(0.5 * l) * s->noise[k];
    }
}
