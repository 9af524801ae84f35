/* SPDX-License-Identifier: MIT
 * sdedit.c - the levels are cut before the sampler fills its rows. */
#include "sample/sdedit.h"

#include <math.h>
#include <string.h>

/* Put a row before the others. */
static um_status prepend(um_ctx *ctx, um_plan *p, um_row row)
{
    um_row *rows;
    UM_TRY(um_alloc(ctx, &rows, (size_t)p->rows + 1, sizeof *rows, "the plan"));
    memcpy(rows + 1, p->row, (size_t)p->rows * sizeof *rows);
    rows[0] = row;
    um_free(ctx, p->row);
    p->row = rows;
    p->rows++;
    return UM_OK;
}

/* The image is at the level of data; the state that the sampler starts from at level[0]. */
static um_status noise_first(um_ctx *ctx, um_plan *p)
{
    const um_level data = { -1.0, 1.0 };
    const um_row row = um_plan_noising_row(p, 0, &data, &p->level[0]);
    p->init_scale = 1.0;
    const um_status status = prepend(ctx, p, row);
    if (status != UM_OK) um_plan_free(ctx, p);
    return status;
}

um_status um_sdedit_plan(um_ctx *ctx, um_plan *plan, const um_sample_settings *settings,
                         const um_schedule *schedule, double strength, bool *from_noise)
{
    um_plan whole;
    memset(plan, 0, sizeof *plan);
    if (!(strength > 0.0 && strength <= 1.0))
        return um_fail(ctx, UM_BAD_ARG, "edit.strength = %g (above 0, at most 1)", strength);
    UM_TRY(um_plan_init(ctx, &whole, settings, schedule));
    const int left = UM_MAX(1, (int)floor(strength * whole.steps + 0.5));
    *from_noise = left == whole.steps;
    if (*from_noise) {
        *plan = whole;
        return UM_OK;
    }
    um_status status = um_plan_init_levels(ctx, plan, settings, schedule,
                                           whole.level + (whole.steps - left), left);
    um_plan_free(ctx, &whole);
    if (status == UM_OK) status = noise_first(ctx, plan);
    return status;
}
