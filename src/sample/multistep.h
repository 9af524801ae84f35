/* SPDX-License-Identifier: MIT
 * multistep.h - exponential integrators that look back at what the model said at earlier steps. */
#ifndef UM_MULTISTEP_H
#define UM_MULTISTEP_H

#include "sample/exponential.h"

/* Fill every row: order 1 at the first step, where there is nothing to look back at, then up to
 * settings.solver_order; lower at the end as lower_order_final (for fewer than 15 steps, as
 * diffusers) and euler_at_final say. */
um_status um_multistep_plan(um_ctx *ctx, um_plan *plan, um_algorithm algorithm, um_solver solver);

#endif
