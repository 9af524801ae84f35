/* SPDX-License-Identifier: MIT
 * sigma_space.h - what the samplers of Karras et al. 2022 (EDM) share. Their state is
 * y = x / sqrt(alpha_bar) = x_0 + sigma eps, with sigma from 0 to where the image has drowned, and
 *
 *     dy / dsigma = d(y, sigma) = (y - x_0) / sigma        (eq. 3, with eq. 1's s = 1)
 *
 * where x_0 is what the model predicts from y. */
#ifndef UM_SIGMA_SPACE_H
#define UM_SIGMA_SPACE_H

#include "sample/sampler.h"

/* diffusers' rule for these classes, and their defaults: linspace, no clipping, 50 steps. */
#define UM_SIGMA_SPACE_LEVELS .fractional = true, .listed_ends = true, .finite_sigma = true
#define UM_SIGMA_SPACE_DEFAULTS \
    UM_SAMPLE_BASE, .spacing = UM_SPACING_LINSPACE, .set_alpha_to_one = true, .steps = 50

/* sigma of the plan's level i; 0 at the data. */
double um_level_sigma(const um_plan *p, int i);

/* Set p->init_scale as diffusers does: sigma of the first level, or with the image's own unit
 * variance beside it where the list does not start at T-1 (leading, quadratic); and no rows. */
void um_sigma_space_begin(um_plan *p);

/* Add a row of this step, zeroed but for a model call at `from` and where it leads. */
um_row *um_sigma_space_row(um_plan *p, int step, um_level from, um_level to);

/* y + h d(y, sigma) = (1 + h / sigma) y - (h / sigma) x_0. */
um_mix um_along(double sigma, double h);

#endif
