/* SPDX-License-Identifier: MIT
 * ode_adaptive.c - the probability flow by Dormand and Prince's pair of orders 5 and 4, as Song et
 * al. 2021 have it (section 4.3), but that each image has a step of its own. */
#include <math.h>
#include <string.h>

#include "sample/adaptive.h"
#include "sample/runge_kutta.h"

enum { STAGES = 7 };

struct flow {
    um_adaptive a;
    double *k[STAGES]; /* slopes at the stages                                        */
    double *stage;     /* x of a stage; that of the last one is where the step leads  */
    int *who;
    double *times;
    double *error; /* of one image */
};

static double *of(const struct flow *f, double *array, const um_path *p)
{
    return array + (size_t)p->image * f->a.run->size;
}

/* Ask for the slope k at x of all images on their way, at stage j of their steps. */
static um_status slope(struct flow *f, int j, const double *x)
{
    um_run *run = f->a.run;
    const double c = um_dormand_prince_tableau.c[j];
    for (int i = 0; i < f->a.active; i++) {
        const um_path *p = &f->a.path[i];
        f->who[i] = i;
        f->times[i] = c == 1.0 ? fmax(p->time - p->h, run->plan->sde.end) : p->time - c * p->h;
    }
    UM_TRY(um_adaptive_ask(&f->a, f->a.active, f->who, f->times, x));
    for (int i = 0; i < f->a.active; i++) {
        const um_drift d = um_sde_drift(&run->plan->sde, f->times[i], 0.5);
        const double *at = x + (size_t)f->a.path[i].image * run->size;
        double *k = of(f, f->k[j], &f->a.path[i]);
        const double *x0 = run->x0 + (size_t)i * run->size;
        for (size_t n = 0; n < run->size; n++) k[n] = d.x * at[n] + d.x0 * x0[n];
    }
    return UM_OK;
}

/* out = base + scale * the stages' slopes by their weights; base may be NULL. */
static void weigh(const struct flow *f, const um_path *p, const double *weights, double scale,
                  const double *base, double *out)
{
    for (size_t n = 0; n < f->a.run->size; n++) {
        double sum = 0.0;
        for (int j = 0; j < STAGES; j++)
            if (weights[j] != 0.0) sum += weights[j] * of(f, f->k[j], p)[n];
        out[n] = (base ? base[n] : 0.0) + scale * sum;
    }
}

/* Hairer, Norsett and Wanner 1993, II.4: such that an Euler step would move x by a hundredth. */
static double first_step(const struct flow *f, const um_path *p)
{
    const um_run *run = f->a.run;
    const um_sample_settings *s = &run->plan->settings;
    const double *x = of(f, run->x, p), *k = of(f, f->k[0], p);
    const double is = um_adaptive_error(s, run->size, x, x, x);
    const double moves = um_adaptive_error(s, run->size, x, x, k);
    const double h = is > 1e-5 && moves > 1e-5 ? 0.01 * is / moves : 1e-3;
    return fmin(h, p->time - run->plan->sde.end);
}

/* The step that would have had an error of 0.9^5, changed by a factor of at most 5; none grows
 * right after one that was given up (Hairer, Norsett and Wanner 1993, II.4). */
static double next_step(const um_path *p, double error)
{
    const double most = p->retries ? 1.0 : 5.0;
    return p->h * fmin(most, fmax(0.2, 0.9 * pow(error, -0.2)));
}

static void judge(struct flow *f, um_path *p, int i)
{
    const um_run *run = f->a.run;
    double *x = of(f, run->x, p);
    const double *to = of(f, f->stage, p), end = run->plan->sde.end;
    weigh(f, p, um_dormand_prince_tableau.e, p->h, NULL, f->error);
    const double error = um_adaptive_error(&run->plan->settings, run->size, x, to, f->error);
    const double h = p->h;
    p->h = next_step(p, error);
    p->retries = !(error <= 1.0);
    if (p->retries) {
        p->rejected++;
        return;
    }
    p->steps++;
    p->time = fmax(p->time - h, end);
    memcpy(x, to, run->size * sizeof *x);
    memcpy(of(f, f->k[0], p), of(f, f->k[STAGES - 1], p), run->size * sizeof *x);
    um_adaptive_arrive(&f->a, p, i);
    p->h = fmin(p->h, p->time - end);
}

static um_status attempt(struct flow *f)
{
    const um_tableau *table = &um_dormand_prince_tableau;
    for (int j = 1; j < STAGES; j++) {
        for (int i = 0; i < f->a.active; i++) {
            const um_path *p = &f->a.path[i];
            weigh(f, p, table->a[j], -p->h, of(f, f->a.run->x, p), of(f, f->stage, p));
        }
        UM_TRY(slope(f, j, f->stage));
    }
    for (int i = 0; i < f->a.active; i++) judge(f, &f->a.path[i], i);
    return um_adaptive_round(&f->a);
}

static um_status go(struct flow *f)
{
    UM_TRY(slope(f, 0, f->a.run->x));
    for (int i = 0; i < f->a.active; i++) {
        um_path *p = &f->a.path[i];
        um_adaptive_arrive(&f->a, p, i);
        p->h = first_step(f, p);
    }
    while (f->a.active > 0) UM_TRY(attempt(f));
    return UM_OK;
}

static um_status integrate(um_run *run)
{
    struct flow f = { .who = NULL };
    double *arrays[STAGES + 1];
    um_status status = um_adaptive_open(&f.a, run, arrays, STAGES + 1);
    memcpy(f.k, arrays, sizeof f.k);
    f.stage = arrays[STAGES];
    f.who = um_arena_take(&f.a.arena, (size_t)run->n * sizeof *f.who);
    f.times = um_arena_take(&f.a.arena, (size_t)run->n * sizeof *f.times);
    f.error = um_arena_take(&f.a.arena, run->size * sizeof *f.error);
    if (status == UM_OK) status = f.a.arena.status;
    if (status == UM_OK) status = go(&f);
    um_adaptive_close(&f.a);
    return status;
}

const um_sampler um_sampler_ode_adaptive = {
    .name = "ode_adaptive",
    .help = "probability flow by Dormand and Prince's pair, steps as sample.rtol and atol ask",
    .model_calls = 1,
    .levels = { .continuous = true },
    .defaults = { UM_SAMPLE_CONTINUOUS, .steps = 100, .rtol = 1e-5, .atol = 1e-5 },
    .plan = um_adaptive_plan,
    .integrate = integrate,
    .explain = um_adaptive_explain,
};
