/* SPDX-License-Identifier: MIT
 * pndm.c - pseudo numerical methods: Liu et al. 2022 (2202.09778). The classical formulas for
 * ordinary differential equations give an e to follow, and eq. 11 carries x along it,
 *
 *     phi(x, e) = sqrt(bar' / bar) x + (sqrt(1 - bar') - sqrt(bar' / bar) sqrt(1 - bar)) e
 *
 * which is ddim's step. Their weights are those of equal steps; where the steps are not equal the
 * method still is of second order at best. Every level is the list's: diffusers counts down by
 * T / S instead. And e is what is mixed, whatever the model says: diffusers mixes the v of several
 * timesteps and reads the sum as a v of the present one. */
#include <math.h>

#include "sample/sampler.h"

enum { RUNGE_KUTTA_STEPS = 3, ORDER = 4 };

struct builder {
    um_plan *p;
    const um_schedule *s;
    int step;
    bool scratch; /* past[0] is what a Runge-Kutta step has left, and makes room */
};

/* phi's coefficients. */
struct carry { double x, e; };

static struct carry carry(um_level from, um_level to)
{
    const double x = sqrt(to.alpha_bar / from.alpha_bar);
    return (struct carry){ x, sqrt(1.0 - to.alpha_bar) - x * sqrt(1.0 - from.alpha_bar) };
}

/* Where step i leads. */
static um_level level_at(const struct builder *b, int i)
{
    um_level level = b->p->level[i];
    if (level.t < 0.0 && !b->p->settings.set_alpha_to_one) level.alpha_bar = b->s->alpha_bar[0];
    return level;
}

/* A model call at `from`; x goes to `to`. */
static um_row *add_row(struct builder *b, um_level from, um_level to)
{
    um_row *row = &b->p->row[b->p->rows++];
    *row = um_row_between(b->step, from, to);
    return row;
}

/* m + weight e, where e = (x - sqrt(bar) x_0) / sqrt(1 - bar): clipping x_0 changes it. */
static um_mix plus_e(um_mix m, const um_row *row, double weight)
{
    const double noise = sqrt(1.0 - row->alpha_bar);
    m.x += weight / noise;
    m.x0 -= weight * sqrt(row->alpha_bar) / noise;
    return m;
}

/* Keep this row's e for the steps to come. */
static void keep_e(struct builder *b, um_row *row)
{
    row->keeps = true;
    row->replaces = b->scratch;
    row->keep = plus_e((um_mix){ 0 }, row, 1.0);
    b->scratch = false;
}

/* Eq. 13: e_1 at x, e_2 and e_3 half way, e_4 at the end; then from x along
 * (e_1 + 2 e_2 + 2 e_3 + e_4) / 6. x follows from where the stage before has come and the e that
 * took it there: from x_4 = phi(x, e_3) the last of these leads to x_4 + c_e / 6 (w + e_4), with
 * c_e phi's coefficient of e and w = e_1 + 2 e_2 - 4 e_3. */
static void runge_kutta(struct builder *b)
{
    const um_level from = level_at(b, b->step), to = level_at(b, b->step + 1);
    const double t = (from.t + to.t) / 2.0;
    const um_level middle = { t, um_schedule_alpha_bar_at(b->s, t) };
    const struct carry half = carry(from, middle), whole = carry(from, to);
    um_row *row = add_row(b, from, middle);
    row->next = plus_e((um_mix){ .x = half.x }, row, half.e);
    keep_e(b, row);

    row = add_row(b, middle, middle);
    row->next = plus_e((um_mix){ .x = 1.0, .past = { -half.e } }, row, half.e);
    keep_e(b, row);

    const double on = whole.x / half.x;
    row = add_row(b, middle, to);
    row->next = plus_e((um_mix){ .x = on, .past = { -on * half.e } }, row, whole.e);
    row->keeps = row->replaces = true;
    row->keep = plus_e((um_mix){ .past = { 2.0, 1.0 } }, row, -4.0);

    row = add_row(b, to, to);
    row->next = plus_e((um_mix){ .x = 1.0, .past = { whole.e / 6.0 } }, row, whole.e / 6.0);
    b->scratch = true;
}

/* A first step without Runge-Kutta: along the mean of e here and e where ddim would lead. */
static void improved_euler(struct builder *b)
{
    const um_level from = level_at(b, b->step), to = level_at(b, b->step + 1);
    const struct carry whole = carry(from, to);
    um_row *row = add_row(b, from, to);
    row->next = plus_e((um_mix){ .x = whole.x }, row, whole.e);
    keep_e(b, row);
    row = add_row(b, to, to);
    row->next = plus_e((um_mix){ .x = 1.0, .past = { -whole.e / 2.0 } }, row, whole.e / 2.0);
}

/* Adams-Bashforth: eq. 12, and below it while the history is short. */
static void multistep(struct builder *b)
{
    static const double weights[ORDER][ORDER] = {
        { 1.0 },
        { 3.0 / 2.0, -1.0 / 2.0 },
        { 23.0 / 12.0, -16.0 / 12.0, 5.0 / 12.0 },
        { 55.0 / 24.0, -59.0 / 24.0, 37.0 / 24.0, -9.0 / 24.0 },
    };
    const int order = UM_MIN(b->step + 1, ORDER), first = b->scratch;
    const um_level from = level_at(b, b->step), to = level_at(b, b->step + 1);
    const struct carry whole = carry(from, to);
    um_row *row = add_row(b, from, to);
    row->next.x = whole.x;
    for (int k = 1; k < order; k++)
        row->next.past[first + k - 1] = whole.e * weights[order - 1][k];
    row->next = plus_e(row->next, row, whole.e * weights[order - 1][0]);
    keep_e(b, row);
}

/* The first steps ask the model at the level that they lead to, so the last step is none of them:
 * with a list of S < 4, S - 1 are Runge-Kutta's (diffusers needs S >= 4). From a zero terminal SNR,
 * where e says nothing of x_0, the first step is ddim's. */
static um_status plan(um_ctx *ctx, um_plan *p, const um_schedule *s)
{
    (void)ctx;
    struct builder b = { .p = p, .s = s };
    p->rows = 0;
    for (; b.step < p->steps; b.step++) {
        const bool blind = p->level[b.step].alpha_bar <= UM_ALPHA_BAR_LEAST;
        const bool last = b.step + 1 == p->steps;
        if (!p->settings.skip_prk_steps && b.step < RUNGE_KUTTA_STEPS && !last && !blind)
            runge_kutta(&b);
        else if (b.step == 0 && !last && !blind)
            improved_euler(&b);
        else
            multistep(&b);
    }
    return UM_OK;
}

const um_sampler um_sampler_pndm = {
    .name = "pndm",
    .class_name = "PNDMScheduler",
    .help = "pseudo linear multistep, 50 steps by default, the first 3 by Runge-Kutta with four "
            "model calls unless skip_prk_steps (Liu et al. 2022)",
    .model_calls = 4,
    .history = 4,
    .levels = { .listed_ends = true, .finite_sigma = true },
    .defaults = { UM_SAMPLE_BASE, .spacing = UM_SPACING_LEADING, .steps = 50 },
    .plan = plan,
    .step = um_step_linear,
};
