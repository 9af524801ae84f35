/* SPDX-License-Identifier: MIT
 * posterior.c - the coefficients of q(x_prev | x_t, x_0). */
#include "sample/posterior.h"

#include <math.h>

void um_posterior_row(um_row *row, um_variance variance)
{
    const double bar = row->alpha_bar, bar_prev = row->alpha_bar_prev;
    const double alpha = bar / bar_prev, beta = 1.0 - alpha;
    const double small = beta * (1.0 - bar_prev) / (1.0 - bar);
    row->next = (um_mix){
        .x0 = sqrt(bar_prev) * beta / (1.0 - bar),
        .x = sqrt(alpha) * (1.0 - bar_prev) / (1.0 - bar),
    };
    if (row->t_prev >= 0.0)
        row->next.noise = sqrt(variance == UM_VARIANCE_FIXED_LARGE ? beta : small);
    row->draws = row->t > 0.0; /* diffusers asks for t alone */
}
