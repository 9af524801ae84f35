/* SPDX-License-Identifier: MIT
 * flow.c - state and integral of the divergence as one system: a row is x and log p. */
#include "study/flow.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"

/* A batch on its way. */
struct run {
    um_ctx *ctx;
    const um_flow *flow;
    const uint64_t *image;
    const int *labels;
    int n;
    double *y;    /* [n, size + 1] */
    double *part; /* [n] of the way that is done */
    /* The rows that are asked about: */
    uint64_t *number;
    int *class;
    float *x, *out;
    double *t, *trace;
};

static um_status take_memory(struct run *r, um_arena *arena)
{
    const size_t n = (size_t)r->n, size = r->flow->size;
    r->y = um_arena_take(arena, n * (size + 1) * sizeof *r->y);
    r->part = um_arena_take(arena, n * sizeof *r->part);
    r->number = um_arena_take(arena, n * sizeof *r->number);
    r->class = um_arena_take(arena, n * sizeof *r->class);
    r->x = um_arena_take(arena, n * size * sizeof *r->x);
    r->out = um_arena_take(arena, n * size * sizeof *r->out);
    r->t = um_arena_take(arena, n * sizeof *r->t);
    r->trace = um_arena_take(arena, n * sizeof *r->trace);
    return arena->status;
}

/* The model's answer for the rows, each at its own s. */
static um_status ask(struct run *r, int n, const int *row, const double *s, const double *y)
{
    const um_flow *f = r->flow;
    for (int i = 0; i < n; i++) {
        const double *x = y + (size_t)i * (f->size + 1);
        for (size_t k = 0; k < f->size; k++) r->x[(size_t)i * f->size + k] = (float)x[k];
        r->t[i] = um_schedule_timestep_at(f->schedule, exp(s[i]));
        r->number[i] = r->image[row[i]];
        if (r->labels) r->class[i] = r->labels[row[i]];
    }
    return f->model->run(f->model->user, n, r->number, r->x, r->t, r->labels ? r->class : NULL,
                         r->out, r->trace);
}

/* dx/ds = sigma eps - sigma^2 x, where eps is linear in x and the model's answer; so is div. */
static um_status slope(void *user, int n, const int *row, const double *s, const double *y,
                       double *dy)
{
    struct run *r = user;
    const um_flow *f = r->flow;
    UM_TRY(ask(r, n, row, s, y));
    for (int i = 0; i < n; i++) {
        const double ratio = exp(s[i]), bar = um_alpha_bar_of(ratio);
        const double sigma2 = bar * ratio * ratio, sigma = sqrt(sigma2);
        const um_prediction_rule rule = um_prediction_rule_at(f->prediction, bar);
        const double of_x = sigma * rule.eps_x - sigma2, of_out = sigma * rule.eps_out;
        const size_t from = (size_t)i * (f->size + 1);
        const float *out = r->out + (size_t)i * f->size;
        for (size_t k = 0; k < f->size; k++)
            dy[from + k] = of_x * y[from + k] + of_out * (double)out[k];
        dy[from + f->size] = of_x * (double)f->size + of_out * r->trace[i];
    }
    return UM_OK;
}

static void progress(void *user, int row, double part)
{
    struct run *r = user;
    double sum = 0;
    if (!r->flow->progress) return;
    r->part[row] = part;
    for (int i = 0; i < r->n; i++) sum += r->part[i];
    r->flow->progress(r->flow->progress_user, sum / r->n);
}

static double log_normal(const double *x, size_t size)
{
    double squares = 0;
    for (size_t k = 0; k < size; k++) squares += x[k] * x[k];
    return -0.5 * (squares + (double)size * log(2 * M_PI));
}

/* p_0 is the density of x / alpha: log alpha for each element beside that of x. */
static um_status run(struct run *r, const double *x, double *log_density, int *calls)
{
    const um_flow *f = r->flow;
    const double *bar = f->schedule->alpha_bar;
    const double alpha = sqrt(bar[0]);
    for (int i = 0; i < r->n; i++)
        for (size_t k = 0; k < f->size; k++)
            r->y[(size_t)i * (f->size + 1) + k] = alpha * x[(size_t)i * f->size + k];
    const um_ode ode = { .slope = slope, .progress = progress, .user = r,
                         .n = r->n, .size = f->size + 1, .from = log(um_sigma_of(bar[0])),
                         .to = log(um_sigma_of(bar[f->schedule->timesteps - 1])) };
    UM_TRY(um_ode_solve(r->ctx, &ode, &f->ode, r->y, calls));
    for (int i = 0; i < r->n; i++) {
        const double *y = r->y + (size_t)i * (f->size + 1);
        log_density[i] = log_normal(y, f->size) + y[f->size] + (double)f->size * log(alpha);
    }
    return UM_OK;
}

um_status um_flow_log_density(um_ctx *ctx, const um_flow *flow, int n, const uint64_t *image,
                              const double *x, const int *labels, double *log_density, int *calls)
{
    um_arena arena = { .ctx = ctx };
    struct run r = { .ctx = ctx, .flow = flow, .image = image, .labels = labels, .n = n };
    if (flow->schedule->timesteps < 2)
        return um_fail(ctx, UM_BAD_ARG, "diffusion.timesteps = %d: the probability flow needs a "
                       "way from image to noise (2 or more)", flow->schedule->timesteps);
    um_status status = take_memory(&r, &arena);
    if (status == UM_OK) status = run(&r, x, log_density, calls);
    um_arena_free(&arena);
    return status;
}
