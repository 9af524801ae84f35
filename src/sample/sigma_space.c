/* SPDX-License-Identifier: MIT
 * sigma_space.c - rows for a state that the model is shown scaled to unit variance. */
#include "sample/sigma_space.h"

#include <math.h>

double um_level_sigma(const um_plan *p, int i) { return um_sigma_of(p->level[i].alpha_bar); }

void um_sigma_space_begin(um_plan *p)
{
    const um_spacing spacing = p->settings.spacing;
    const bool from_noise = spacing == UM_SPACING_LINSPACE || spacing == UM_SPACING_TRAILING;
    p->init_scale = hypot(um_level_sigma(p, 0), from_noise ? 0.0 : 1.0);
    p->rows = 0;
}

um_row *um_sigma_space_row(um_plan *p, int step, um_level from, um_level to)
{
    um_row *row = &p->row[p->rows++];
    *row = um_row_between(step, from, to);
    row->scale = sqrt(from.alpha_bar);
    return row;
}

um_mix um_along(double sigma, double h)
{
    return (um_mix){ .x = 1.0 + h / sigma, .x0 = -h / sigma };
}
