/* SPDX-License-Identifier: MIT
 * multistep.c - which order each step has, and its row. */
#include "sample/multistep.h"

/* With this many steps the last ones are short enough to be of full order. */
enum { STEPS_ENOUGH = 15 };

static int order_of(const um_plan *p, int step)
{
    const um_sample_settings *s = &p->settings;
    const int left = p->steps - step;
    if (um_exponential_ends(p, step)) return 1;
    const bool lower = s->lower_order_final && p->steps < STEPS_ENOUGH;
    const int most = lower || (s->euler_at_final && left == 1) ? left : s->solver_order;
    return UM_MIN(UM_MIN(s->solver_order, step + 1), most);
}

static void fill_row(um_plan *p, int step, um_algorithm algorithm, um_solver solver)
{
    um_row *row = &p->row[step];
    const int order = order_of(p, step);
    double bar[UM_NODES_MAX];
    um_exponential_begin(row, algorithm);
    for (int k = 0; k < order; k++) bar[k] = p->level[step - k].alpha_bar;
    const um_exponential e =
        um_exponential_step(algorithm, solver, order, bar, row->alpha_bar_prev);
    row->next.x = e.x;
    row->next.noise = e.noise;
    um_mix_add(&row->next, algorithm, row->alpha_bar, e.m[0]);
    for (int k = 1; k < order; k++) row->next.past[k - 1] = e.m[k];
}

um_status um_multistep_plan(um_ctx *ctx, um_plan *plan, um_algorithm algorithm, um_solver solver)
{
    UM_TRY(um_exponential_check(ctx, &plan->settings));
    for (int i = 0; i < plan->steps; i++) fill_row(plan, i, algorithm, solver);
    return UM_OK;
}
