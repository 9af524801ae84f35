/* SPDX-License-Identifier: MIT
 * sde_adaptive.c - the reverse SDE by Euler-Maruyama with step doubling. Steps are halves of halves
 * of the time grid, and the noise is that of one Brownian path for each image, asked where it is
 * needed: a step that is given up is tried again on the same path, so that no noise is favoured
 * (Gaines and Lyons 1997), and the image depends on the seed alone. */
#include <math.h>
#include <string.h>

#include "sample/adaptive.h"
#include "sample/brownian.h"

enum { FIRST_LEVEL = 4 };

struct walk {
    um_adaptive a;
    double *slope;                 /* dx/dt where the path stands                  */
    double *w, *w_middle, *w_end;  /* the Brownian path there, halfway, and behind */
    double *middle;                /* x halfway                                    */
    double *scratch;               /* three images                                 */
    int *who;
    double *times;
};

static size_t at(const struct walk *w, const um_path *p)
{
    return (size_t)p->image * w->a.run->size;
}

static uint32_t half_step(const um_path *p)
{
    return UM_BROWNIAN_END >> (p->level + 1);
}

static double time_at(const struct walk *w, uint32_t index)
{
    return um_sde_grid(&w->a.run->plan->sde, (double)index / UM_BROWNIAN_END);
}

/* out = x - h slope + sqrt(beta(time)) (w_to - w_from): h back from time. */
static void step(const struct walk *w, double time, double h, const double *x, const double *slope,
                 const double *from, const double *to, double *out)
{
    const double g = sqrt(um_sde_beta(&w->a.run->plan->sde, time));
    for (size_t k = 0; k < w->a.run->size; k++)
        out[k] = x[k] - h * slope[k] + g * (to[k] - from[k]);
}

static void read_slope(const struct walk *w, double time, const double *x, int i, double *slope)
{
    const um_run *run = w->a.run;
    const um_drift d = um_sde_drift(&run->plan->sde, time, 1.0);
    const double *x0 = run->x0 + (size_t)i * run->size;
    for (size_t k = 0; k < run->size; k++) slope[k] = d.x * x[k] + d.x0 * x0[k];
}

/* All paths that have come somewhere new, n of them: the slope there. */
static um_status arrive(struct walk *w, int n)
{
    um_run *run = w->a.run;
    UM_TRY(um_adaptive_ask(&w->a, n, w->who, w->times, run->x));
    for (int i = 0; i < n; i++) {
        um_path *p = &w->a.path[w->who[i]];
        read_slope(w, p->time, run->x + at(w, p), i, w->slope + at(w, p));
        um_adaptive_arrive(&w->a, p, i);
    }
    return um_adaptive_round(&w->a);
}

/* To the middle of each path's step. */
static um_status go_halfway(struct walk *w)
{
    um_run *run = w->a.run;
    for (int i = 0; i < w->a.active; i++) {
        const um_path *p = &w->a.path[i];
        const uint32_t half = half_step(p);
        const size_t k = at(w, p);
        um_brownian_at(run, p->image, p->index + half, w->scratch, w->w_middle + k);
        um_brownian_at(run, p->image, p->index + 2 * half, w->scratch, w->w_end + k);
        w->who[i] = i;
        w->times[i] = time_at(w, p->index + half);
        step(w, p->time, p->time - w->times[i], run->x + k, w->slope + k, w->w + k,
             w->w_middle + k, w->middle + k);
    }
    return um_adaptive_ask(&w->a, w->a.active, w->who, w->times, w->middle);
}

/* One step of the whole length against two halves, whose end is taken. Longer steps start where
 * such a step of the grid starts. Says whether the path has moved. */
static bool judge(struct walk *w, um_path *p, int i)
{
    um_run *run = w->a.run;
    const size_t n = run->size, k = at(w, p);
    const uint32_t end = p->index + 2 * half_step(p);
    const double middle = w->times[i], to = time_at(w, end);
    double *whole = w->scratch, *halves = whole + n, *slope = halves + n;
    step(w, p->time, p->time - to, run->x + k, w->slope + k, w->w + k, w->w_end + k, whole);
    read_slope(w, middle, w->middle + k, i, slope);
    step(w, middle, middle - to, w->middle + k, slope, w->w_middle + k, w->w_end + k, halves);
    for (size_t j = 0; j < n; j++) whole[j] -= halves[j];
    const double error = um_adaptive_error(&run->plan->settings, n, run->x + k, halves, whole);
    if (!(error <= 1.0) && p->level + 1 < UM_BROWNIAN_LEVELS) {
        p->level++;
        p->rejected++;
        return false;
    }
    memcpy(run->x + k, halves, n * sizeof *halves);
    memcpy(w->w + k, w->w_end + k, n * sizeof *halves);
    p->index = end;
    p->time = end == UM_BROWNIAN_END ? run->plan->sde.end : to;
    p->steps++;
    /* the error of a step grows with its length to the power of 3/2 or more */
    const uint32_t doubled = 4 * half_step(p);
    if (error < 0.25 && p->level > 0 && end % doubled == 0) p->level--;
    return true;
}

static um_status go(struct walk *w)
{
    um_run *run = w->a.run;
    for (int i = 0; i < run->n; i++) {
        w->a.path[i].level = FIRST_LEVEL;
        w->who[i] = i;
        w->times[i] = w->a.path[i].time;
    }
    UM_TRY(arrive(w, run->n));
    while (w->a.active > 0) {
        UM_TRY(go_halfway(w));
        int moved = 0;
        for (int i = 0; i < w->a.active; i++) {
            if (!judge(w, &w->a.path[i], i)) continue;
            w->who[moved] = i;
            w->times[moved++] = w->a.path[i].time;
        }
        if (moved) UM_TRY(arrive(w, moved));
    }
    return UM_OK;
}

static um_status integrate(um_run *run)
{
    struct walk w = { .who = NULL };
    double *arrays[5];
    um_status status = um_adaptive_open(&w.a, run, arrays, 5);
    w.slope = arrays[0], w.w = arrays[1], w.w_middle = arrays[2], w.w_end = arrays[3];
    w.middle = arrays[4];
    w.who = um_arena_take(&w.a.arena, (size_t)run->n * sizeof *w.who);
    w.times = um_arena_take(&w.a.arena, (size_t)run->n * sizeof *w.times);
    w.scratch = um_arena_take(&w.a.arena, 3 * run->size * sizeof *w.scratch);
    if (status == UM_OK) status = w.a.arena.status;
    if (status == UM_OK) status = go(&w);
    um_adaptive_close(&w.a);
    return status;
}

static um_status plan(um_ctx *ctx, um_plan *p, const um_schedule *s)
{
    if (p->settings.rng == UM_RNG_TORCH)
        return um_fail(ctx, UM_BAD_ARG, "sample.rng = torch draws numbers in turn, and "
                       "sde_adaptive needs those of any place on its path (philox)");
    return um_adaptive_plan(ctx, p, s);
}

const um_sampler um_sampler_sde_adaptive = {
    .name = "sde_adaptive",
    .help = "reverse SDE by Euler-Maruyama with step doubling, as sample.rtol and atol ask",
    .model_calls = 1,
    .levels = { .continuous = true },
    .defaults = { UM_SAMPLE_CONTINUOUS, .steps = 100, .rtol = 0.01, .atol = 0.0078 },
    .plan = plan,
    .integrate = integrate,
    .explain = um_adaptive_explain,
};
