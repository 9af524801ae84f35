/* SPDX-License-Identifier: MIT
 * posterior.h - the step that ddpm and strided share. */
#ifndef UM_POSTERIOR_H
#define UM_POSTERIOR_H

#include "sample/sampler.h"

/* q(x_prev | x_t, x_0) between the row's two levels (Ho et al. 2020, eq. 6 and 7), where one step
 * from t to t_prev has alpha = alpha_bar / alpha_bar_prev. The last step draws no noise, as in
 * algorithm 2, whatever timestep it starts from. */
void um_posterior_row(um_row *row, um_variance variance);

/* Logarithm of the variance where the model says v: learned_range goes from log_small at -1 to
 * log_beta at 1, and on in a line (Nichol and Dhariwal 2021, eq. 15); learned is log v. */
double um_learned_log_variance(um_variance variance, double v, double log_small, double log_beta);

/* The linear step, and the noise of a learned variance. */
void um_posterior_step(const um_step *s);

#endif
