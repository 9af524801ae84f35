/* SPDX-License-Identifier: MIT
 * runge_kutta.c - the tables, and a row of the plan for each of their stages. */
#include "sample/runge_kutta.h"

#include <math.h>

const um_tableau um_euler_tableau = { .stages = 1, .b = { 1.0 } };

const um_tableau um_heun_tableau = {
    .stages = 2, .c = { 0.0, 1.0 }, .a = { { 0.0 }, { 1.0 } }, .b = { 0.5, 0.5 },
};

const um_tableau um_rk4_tableau = {
    .stages = 4,
    .c = { 0.0, 0.5, 0.5, 1.0 },
    .a = { { 0.0 }, { 0.5 }, { 0.0, 0.5 }, { 0.0, 0.0, 1.0 } },
    .b = { 1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6 },
};

/* Dormand and Prince 1980, RK5(4)7M. */
const um_tableau um_dormand_prince_tableau = {
    .stages = 7,
    .c = { 0.0, 1.0 / 5, 3.0 / 10, 4.0 / 5, 8.0 / 9, 1.0, 1.0 },
    .a = { { 0.0 },
           { 1.0 / 5 },
           { 3.0 / 40, 9.0 / 40 },
           { 44.0 / 45, -56.0 / 15, 32.0 / 9 },
           { 19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729 },
           { 9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656 },
           { 35.0 / 384, 0.0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84 } },
    .b = { 35.0 / 384, 0.0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84, 0.0 },
    .e = { 71.0 / 57600, 0.0, -71.0 / 16695, 71.0 / 1920, -17253.0 / 339200, 22.0 / 525,
           -1.0 / 40 },
};

double um_scaled_error(size_t n, const double *from, const double *to, const double *error,
                       double atol, double rtol)
{
    double sum = 0.0;
    for (size_t k = 0; k < n; k++) {
        const double e = error[k] / (atol + rtol * fmax(fabs(from[k]), fabs(to[k])));
        sum += e * e;
    }
    return sqrt(sum / (double)n);
}

/* From stage j to the next one, or from the last to the end of the step. The state is the stage's
 * own x: what of the step's first x it has moved by is in the history, k_{j-1} first. */
static um_mix lead(const um_tableau *table, int j, double h, um_drift k)
{
    const double *from = table->a[j], *to = j + 1 < table->stages ? table->a[j + 1] : table->b;
    um_mix next = { .x = 1.0 + h * to[j] * k.x, .x0 = h * to[j] * k.x0 };
    for (int i = 0; i < j; i++) next.past[j - 1 - i] = h * (to[i] - from[i]);
    return next;
}

static um_row stage_row(const um_plan *p, const um_tableau *table, int step, int j)
{
    const double from = um_sde_time(&p->sde, p->level[step].t);
    const double h = um_sde_time(&p->sde, p->level[step + 1].t) - from;
    const bool last = j + 1 == table->stages;
    const um_level at = um_sde_level(&p->sde, from + table->c[j] * h);
    const um_level to = last ? p->level[step + 1]
                             : um_sde_level(&p->sde, from + table->c[j + 1] * h);
    const um_drift k = um_sde_drift(&p->sde, from + table->c[j] * h, 0.5);
    um_row row = um_row_between(step, at, to);
    row.next = lead(table, j, h, k);
    row.keeps = !last;
    row.keep = (um_mix){ .x = k.x, .x0 = k.x0 };
    return row;
}

void um_runge_kutta_rows(um_plan *plan, const um_tableau *table)
{
    const um_row denoise = plan->row[plan->steps - 1];
    const bool denoises = denoise.t_prev < 0.0;
    plan->rows = 0;
    for (int i = 0; i < plan->steps - denoises; i++)
        for (int j = 0; j < table->stages; j++)
            plan->row[plan->rows++] = stage_row(plan, table, i, j);
    if (!denoises) return;
    plan->row[plan->rows] = denoise;
    um_denoise_row(&plan->row[plan->rows++]);
}
