/* SPDX-License-Identifier: MIT
 * walk.c - the driver's loop without batches and floats, and models that are known exactly. */
#include "walk.h"

#include <math.h>
#include <string.h>

void walk(const um_plan *plan, int rows, const walk_model *model, size_t size, const double *noise,
          double *x)
{
    walk_from_exact(plan, rows, model, size, noise, -1, NULL, x);
}

void walk_from_exact(const um_plan *plan, int rows, const walk_model *model, size_t size,
                     const double *noise, int starts, const double *exact, double *x)
{
    double past[UM_HISTORY_MAX + 1][WALK_SIZE_MAX] = { { 0 } };
    for (int i = 0; i < rows; i++) {
        const um_row *row = &plan->row[i];
        const double a = sqrt(row->alpha_bar), s = sqrt(1.0 - row->alpha_bar);
        double shown[WALK_SIZE_MAX], x0[WALK_SIZE_MAX], eps[WALK_SIZE_MAX];
        double keep[WALK_SIZE_MAX], out[WALK_SIZE_MAX];
        if (i <= starts) memcpy(x, exact + (size_t)i * size, size * sizeof *x);
        for (size_t k = 0; k < size; k++) shown[k] = row->scale * x[k];
        if (row->asks) model->x0(model->user, shown, row->alpha_bar, x0);
        if (row->asks)
            for (size_t k = 0; k < size; k++) eps[k] = (shown[k] - a * x0[k]) / s;
        um_step step = { .row = row, .n = size, .size = size, .x = x,
                         .x0 = row->asks ? x0 : NULL, .eps = row->asks ? eps : NULL,
                         .noise = noise ? noise + (size_t)i * size : NULL,
                         .out = out, .keep = row->keeps ? keep : NULL };
        for (int h = 0; h < plan->settings.sampler->history; h++) step.past[h] = past[h];
        plan->settings.sampler->step(&step);
        memcpy(x, out, size * sizeof *x);
        if (!row->keeps) continue;
        if (!row->replaces) memmove(past[1], past[0], UM_HISTORY_MAX * sizeof past[0]);
        memcpy(past[0], keep, sizeof past[0]);
    }
}

void walk_gaussian_x0(const void *user, const double *x, double alpha_bar, double *x0)
{
    const walk_gaussian *g = user;
    const double a = sqrt(alpha_bar), v = g->deviation * g->deviation;
    for (int k = 0; k < g->size; k++)
        x0[k] = g->mean + a * v / (alpha_bar * v + 1.0 - alpha_bar) * (x[k] - a * g->mean);
}

/* E[x_0 | x]: the means of the Gaussians' own, weighted by how likely each is given x. */
void walk_mixture_x0(const void *user, const double *x, double alpha_bar, double *x0)
{
    static const struct { double weight, mean[2], deviation; } parts[] = {
        { 0.5, { -0.8, 0.3 }, 0.35 }, { 0.3, { 0.6, 0.9 }, 0.5 }, { 0.2, { 0.5, -0.7 }, 0.4 },
    };
    const double a = sqrt(alpha_bar);
    double sum = 0.0;
    (void)user;
    x0[0] = x0[1] = 0.0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const double v = parts[i].deviation * parts[i].deviation;
        const double all = alpha_bar * v + 1.0 - alpha_bar;
        const double d0 = x[0] - a * parts[i].mean[0], d1 = x[1] - a * parts[i].mean[1];
        const double w = parts[i].weight * exp(-0.5 * (d0 * d0 + d1 * d1) / all) / all;
        sum += w;
        x0[0] += w * (parts[i].mean[0] + a * v / all * d0);
        x0[1] += w * (parts[i].mean[1] + a * v / all * d1);
    }
    x0[0] /= sum, x0[1] /= sum;
}
