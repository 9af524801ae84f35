/* SPDX-License-Identifier: MIT
 * posterior.h - the step that ddpm and strided share. */
#ifndef UM_POSTERIOR_H
#define UM_POSTERIOR_H

#include "sample/sampler.h"

/* q(x_prev | x_t, x_0) between the row's two levels (Ho et al. 2020, eq. 6 and 7), where one step
 * from t to t_prev has alpha = alpha_bar / alpha_bar_prev. The last step draws no noise, as in
 * algorithm 2, whatever timestep it starts from. */
void um_posterior_row(um_row *row, um_variance variance);

#endif
