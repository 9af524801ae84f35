/* SPDX-License-Identifier: MIT
 * unipc.c - unified predictor-corrector: Zhao et al. 2023 (2302.04867).
 *
 * UniP of order p goes on by the last p answers m; UniC, once the model was asked there, corrects
 * where it came to by that answer as well. Both solve sum of w_k r_k^j = j! h^(j+1) phi_(j+1)(h)
 * (eq. 5 to 9) for the weights of the differences m_k - m_0: B(h) cancels, and what is left is the
 * exact integral of the polynomial through all m. Only where one difference is weighed, a half is
 * put for the solution (as in the authors' code), and B(h), bh1 or bh2, counts.
 *
 * The correction is itself linear: predictor and corrector start from the same x, so
 * x_corrected = x + sum of (corrector's weights - predictor's) m, and no earlier x is kept. */
#include "sample/exponential.h"

static int order_of(const um_plan *p, int step)
{
    const int order = UM_MIN(p->settings.solver_order, step + 1);
    if (um_exponential_ends(p, step)) return 1;
    return p->settings.lower_order_final ? UM_MIN(order, p->steps - step) : order;
}

/* diffusers takes every other solver for bh2. */
static um_solver solver_of(const um_plan *p)
{
    return p->settings.solver == UM_SOLVER_BH1 ? UM_SOLVER_BH1 : UM_SOLVER_BH2;
}

/* What the predictor makes of m[0], at the step's own level, and m[k], k steps earlier; the
 * corrector has m[order] as well, at the level that the step leads to. */
static um_exponential through(const um_plan *p, int step, um_algorithm algorithm, bool corrector)
{
    const int order = order_of(p, step);
    const double to = p->level[step + 1].alpha_bar;
    double bar[UM_NODES_MAX];
    for (int k = 0; k < order; k++) bar[k] = p->level[step - k].alpha_bar;
    bar[order] = to;
    return um_exponential_step(algorithm, solver_of(p), order + corrector, bar, to);
}

static bool corrects(const um_plan *p, int step)
{
    const um_ints *off = &p->settings.disable_corrector;
    for (int i = 0; i < off->n; i++)
        if (off->v[i] == step) return false;
    return true;
}

/* The x of this row, its step before corrected, as a mix of what the row finds. */
static um_mix corrected(const um_plan *p, int step, um_algorithm algorithm)
{
    um_mix mix = { .x = 1.0 };
    if (step == 0 || !corrects(p, step - 1)) return mix;
    const int order = order_of(p, step - 1);
    const um_exponential before = through(p, step - 1, algorithm, false);
    const um_exponential after = through(p, step - 1, algorithm, true);
    for (int k = 0; k < order; k++) mix.past[k] = after.m[k] - before.m[k];
    um_mix_add(&mix, algorithm, p->level[step].alpha_bar, after.m[order]);
    return mix;
}

static void fill_row(um_plan *p, int step, um_algorithm algorithm)
{
    um_row *row = &p->row[step];
    um_exponential_begin(row, algorithm);
    const um_exponential e = through(p, step, algorithm, false);
    const um_mix from = corrected(p, step, algorithm);
    row->next.x = e.x * from.x;
    row->next.x0 = e.x * from.x0;
    for (int k = 0; k < UM_HISTORY_MAX; k++) row->next.past[k] += e.x * from.past[k];
    um_mix_add(&row->next, algorithm, row->alpha_bar, e.m[0]);
    for (int k = 1; k < order_of(p, step); k++) row->next.past[k - 1] += e.m[k];
}

static um_status plan(um_ctx *ctx, um_plan *p, const um_schedule *s)
{
    (void)s;
    UM_TRY(um_exponential_check(ctx, &p->settings));
    for (int i = 0; i < p->steps; i++)
        fill_row(p, i, p->settings.predict_x0 ? UM_ALGORITHM_DPMSOLVERPP : UM_ALGORITHM_DPMSOLVER);
    return UM_OK;
}

const um_sampler um_sampler_unipc = {
    .name = "unipc",
    .class_name = "UniPCMultistepScheduler",
    .help = "predictor and corrector of one family, one model call a step, 20 steps by default "
            "(Zhao et al. 2023)",
    .model_calls = 1,
    .history = 3,
    .levels = { UM_EXPONENTIAL_LEVELS },
    .defaults = { UM_SAMPLE_BASE, .steps = 20, .spacing = UM_SPACING_LINSPACE, .solver_order = 2,
                  .solver = UM_SOLVER_BH2, .lower_order_final = true },
    .plan = plan,
    .step = um_step_linear,
};
