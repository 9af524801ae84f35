/* SPDX-License-Identifier: MIT
 * dpmpp_single.c - DPM-Solver++, singlestep: Lu et al. 2022 (2211.01095), algorithm 1.
 *
 * Steps come in blocks of solver_order. A block's k-th step goes from the block's first level, by
 * what the model said since then, so it is of order k; the last one replaces what the others have
 * reached. As in diffusers the inner levels are those of the list, not at 1/2 (or 1/3 and 2/3). */
#include "sample/exponential.h"

/* The order of a step: its place in its block. Where the steps do not fill the last block, that
 * ends early. The last step of a full block is a block of its own if lower_order_final says so. */
static int order_of(const um_plan *p, int step)
{
    const int most = p->settings.solver_order, last = p->steps - 1;
    if (um_exponential_ends(p, step)) return 1;
    if (step == last && p->settings.lower_order_final && p->steps % most == 0) return 1;
    return step % most + 1;
}

/* The step from the first level of its block. Third order by midpoint is the line through the first
 * and the newest answer (2206.00927, algorithm 2: third order where that stands at 2/3), heun the
 * parabola through all three. */
static um_exponential step_from_block(const um_plan *p, int step, um_algorithm algorithm)
{
    const int order = order_of(p, step);
    const bool heun = p->settings.solver == UM_SOLVER_HEUN;
    const double to = p->level[step + 1].alpha_bar, first = p->level[step + 1 - order].alpha_bar;
    const double newest = p->level[step].alpha_bar;
    if (order == 1) return um_exponential_step(algorithm, UM_SOLVER_HEUN, 1, &first, to);
    if (order == 3 && heun)
        return um_exponential_step(algorithm, UM_SOLVER_HEUN, 3,
                                   (double[]){ first, p->level[step - 1].alpha_bar, newest }, to);
    um_exponential e = um_exponential_step(
        algorithm, heun || order == 3 ? UM_SOLVER_HEUN : UM_SOLVER_MIDPOINT, 2,
        (double[]){ first, newest }, to);
    if (order == 3) e.m[2] = e.m[1], e.m[1] = 0.0;
    return e;
}

/* The x that the block began with, as a mix of what its row of this order finds. Without noise the
 * step before is undone; with it, that x is behind what the model said in the history. */
static um_mix first_x(const um_plan *p, int step, um_algorithm algorithm)
{
    const int order = order_of(p, step);
    um_mix mix = { 0 };
    if (algorithm == UM_ALGORITHM_SDE_DPMSOLVERPP) {
        mix.past[order - 1] = 1.0;
        return mix;
    }
    const um_exponential before = step_from_block(p, step - 1, algorithm);
    mix.x = 1.0 / before.x;
    for (int k = 0; k < order - 1; k++) mix.past[order - 2 - k] = -before.m[k] / before.x;
    return mix;
}

static void fill_row(const um_plan *p, um_row *row, um_algorithm algorithm)
{
    const int order = order_of(p, row->step);
    um_exponential_begin(row, algorithm);
    const um_exponential e = step_from_block(p, row->step, algorithm);
    const um_mix first = order == 1 ? (um_mix){ .x = 1.0 } : first_x(p, row->step, algorithm);
    row->next.x = e.x * first.x;
    row->next.noise = e.noise;
    for (int k = 0; k < UM_HISTORY_MAX; k++) row->next.past[k] = e.x * first.past[k];
    for (int k = 0; k < order - 1; k++) row->next.past[order - 2 - k] += e.m[k];
    um_mix_add(&row->next, algorithm, row->alpha_bar, e.m[order - 1]);
}

/* Does this step have a row before it that keeps the block's first x? */
static bool holds(const um_plan *p, int step, um_algorithm algorithm)
{
    return algorithm == UM_ALGORITHM_SDE_DPMSOLVERPP && order_of(p, step) == 1 &&
           step + 1 < p->steps && order_of(p, step + 1) > 1;
}

static void lay_rows(um_plan *p, um_algorithm algorithm)
{
    for (int i = 0; i < p->steps; i++) p->rows += holds(p, i, algorithm);
    for (int i = p->steps - 1, to = p->rows - 1; i >= 0; i--) {
        p->row[to--] = p->row[i];
        if (!holds(p, i, algorithm)) continue;
        um_row held = p->row[i];
        held.asks = false;
        held.keeps = true;
        held.next = held.keep = (um_mix){ .x = 1.0 };
        p->row[to--] = held;
    }
}

static um_status plan(um_ctx *ctx, um_plan *p, const um_schedule *s)
{
    (void)s;
    const um_algorithm asked = p->settings.algorithm;
    const um_algorithm algorithm =
        asked == UM_ALGORITHM_DEIS ? UM_ALGORITHM_DPMSOLVERPP : asked; /* as diffusers does */
    UM_TRY(um_exponential_check(ctx, &p->settings));
    lay_rows(p, algorithm);
    for (int i = 0; i < p->rows; i++)
        if (p->row[i].asks) fill_row(p, &p->row[i], algorithm);
    return UM_OK;
}

const um_sampler um_sampler_dpmpp_single = {
    .name = "dpmpp_single",
    .class_name = "DPMSolverSinglestepScheduler",
    .help = "DPM-Solver++, singlestep: blocks of steps, each from its block's first image, 20 "
            "steps by default (Lu et al. 2022)",
    .model_calls = 2, /* sde-dpmsolver++ has a row more, which asks nothing, for each block */
    .history = 3,
    .levels = { UM_EXPONENTIAL_LEVELS },
    .defaults = { UM_SAMPLE_BASE, .steps = 20, .spacing = UM_SPACING_LINSPACE,
                  .solver_order = 2 },
    .plan = plan,
    .step = um_step_linear,
};
