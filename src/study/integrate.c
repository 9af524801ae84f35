/* SPDX-License-Identifier: MIT
 * integrate.c - one loop for all methods, fixed steps and chosen ones. */
#include "study/integrate.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "sample/runge_kutta.h"

const um_choice um_integrators[] = {
    { "adaptive", UM_INTEGRATOR_ADAPTIVE },
    { "rk4", UM_INTEGRATOR_RK4 },
    { "heun", UM_INTEGRATOR_HEUN },
    { NULL, 0 },
};

static const um_tableau *const tables[] = {
    [UM_INTEGRATOR_ADAPTIVE] = &um_dormand_prince_tableau,
    [UM_INTEGRATOR_RK4] = &um_rk4_tableau,
    [UM_INTEGRATOR_HEUN] = &um_heun_tableau,
};

/* Rows still on their way stand in front, without gaps. */
struct solver {
    um_ctx *ctx;
    const um_ode *ode;
    const um_ode_settings *settings;
    const um_tableau *table;
    bool embedded; /* chooses its steps; the last slope is the first of the next */
    int n;
    int *row, *step;      /* which row stands here, and how many steps it has done */
    bool *rejected;       /* its last step was too long                            */
    double *s, *h;        /* where it is, and how far it tries to go               */
    double *at;           /* s of the stage                                        */
    double *y, *inner, *k[UM_STAGES_MAX]; /* [n, size]: state, stage, slopes              */
    double *result;       /* the caller's                                          */
    int *calls;
};

static um_status take_memory(struct solver *v, um_arena *arena)
{
    const size_t n = (size_t)v->ode->n, bytes = n * v->ode->size * sizeof(double);
    v->row = um_arena_take(arena, n * sizeof *v->row);
    v->step = um_arena_take(arena, n * sizeof *v->step);
    v->rejected = um_arena_take(arena, n * sizeof *v->rejected);
    double **const numbers[] = { &v->s, &v->h, &v->at };
    for (size_t i = 0; i < UM_COUNT(numbers); i++)
        *numbers[i] = um_arena_take(arena, n * sizeof(double));
    v->y = um_arena_take(arena, bytes);
    v->inner = um_arena_take(arena, bytes);
    for (int j = 0; j < v->table->stages; j++) v->k[j] = um_arena_take(arena, bytes);
    return arena->status;
}

static um_status slope(struct solver *v, const double *s, const double *y, double *dy)
{
    for (int i = 0; i < v->n; i++) v->calls[v->row[i]]++;
    return v->ode->slope(v->ode->user, v->n, v->row, s, y, dy);
}

/* inner = y + h sum of weight[j] k[j] over the first `stages`. */
static void combine(struct solver *v, const double *weight, int stages)
{
    const size_t size = v->ode->size;
    for (int i = 0; i < v->n; i++)
        for (size_t e = (size_t)i * size; e < (size_t)(i + 1) * size; e++) {
            double sum = 0;
            /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): reserved */
            for (int j = 0; j < stages; j++) sum += weight[j] * v->k[j][e];
            v->inner[e] = v->y[e] + v->h[i] * sum;
        }
}

/* Stages behind the first; the new state is in `inner` afterwards. */
static um_status stages(struct solver *v)
{
    const um_tableau *m = v->table;
    for (int j = 1; j < m->stages; j++) {
        combine(v, m->a[j], j);
        for (int i = 0; i < v->n; i++) v->at[i] = v->s[i] + m->c[j] * v->h[i];
        UM_TRY(slope(v, v->at, v->inner, v->k[j]));
    }
    if (!v->embedded) combine(v, m->b, m->stages); /* else the last stage stood there */
    return UM_OK;
}

/* Of a value of row i between its state and `inner`. */
static double norm(const struct solver *v, int i, const double *value)
{
    const size_t size = v->ode->size, from = (size_t)i * size;
    return um_scaled_error(size, v->y + from, v->inner + from, value, v->settings->atol,
                           v->settings->rtol);
}

/* The error of row i's step as a part of what is allowed. Slope 1 makes room: it is computed anew
 * in either case. */
static double error_of(struct solver *v, int i)
{
    const size_t size = v->ode->size, from = (size_t)i * size;
    double *error = v->k[1] + from;
    for (size_t e = 0; e < size; e++) {
        double sum = 0;
        for (int j = 0; j < v->table->stages; j++)
            sum += v->table->e[j] * v->k[j][from + e];
        error[e] = v->h[i] * sum;
    }
    return norm(v, i, error);
}

static um_status bad_row(const struct solver *v, int i, const char *what)
{
    return um_fail(v->ctx, UM_NOT_FINITE, "%s in row %d at s = %g (a looser evaluate.rtol or "
                   "atol, or a model whose output is finite)", what, v->row[i], v->s[i]);
}

/* The step that changes y by a hundredth of itself (II.4, the first half of the starting rule). */
static double first_step(struct solver *v, int i)
{
    const size_t from = (size_t)i * v->ode->size;
    const double way = v->ode->to - v->ode->from;
    if (!v->embedded) return way / v->settings->steps;
    memcpy(v->inner + from, v->y + from, v->ode->size * sizeof *v->y);
    const double of_y = norm(v, i, v->y + from), of_slope = norm(v, i, v->k[0] + from);
    const double h = of_slope > 0 ? 0.01 * of_y / of_slope : 0;
    return copysign(fmin(fmax(h, 1e-6 * fabs(way)), fabs(way)), way);
}

/* Take over the step of row i where it was short enough, and choose the next one (II.4, eq. 4.13);
 * *taken says which. */
static um_status judge(struct solver *v, int i, bool *taken)
{
    const size_t size = v->ode->size, from = (size_t)i * size;
    const double way = v->ode->to - v->ode->from, tried = v->h[i];
    *taken = true;
    if (v->embedded) {
        const double error = error_of(v, i);
        if (!isfinite(error)) return bad_row(v, i, "a number that is not finite");
        const double most = v->rejected[i] ? 1.0 : 10.0;
        v->h[i] *= fmin(most, fmax(0.2, 0.9 * pow(fmax(error, 1e-12), -0.2)));
        v->rejected[i] = error > 1.0;
        *taken = !v->rejected[i];
        if (fabs(v->h[i]) < 1e-12 * fabs(way)) return bad_row(v, i, "steps become too small");
    }
    if (!*taken) return UM_OK;
    memcpy(v->y + from, v->inner + from, size * sizeof *v->y);
    if (v->embedded)
        memcpy(v->k[0] + from, v->k[v->table->stages - 1] + from, size * sizeof *v->y);
    v->step[i]++;
    v->s[i] = v->embedded ? v->s[i] + tried
                                  : v->ode->from + way * v->step[i] / v->settings->steps;
    return UM_OK;
}

/* A row that has come within rounding of the end has arrived. */
static bool arrived(const struct solver *v, int i)
{
    const double way = v->ode->to - v->ode->from;
    if (!v->embedded) return v->step[i] >= v->settings->steps;
    return fabs(v->ode->to - v->s[i]) <= 1e-12 * fabs(way);
}

/* The last step ends at the end. */
static void shorten(struct solver *v, int i)
{
    const double left = v->ode->to - v->s[i];
    if (fabs(v->h[i]) > fabs(left)) v->h[i] = left;
}

/* Hand over row i; the last one takes its place. */
static void leave(struct solver *v, int i)
{
    const size_t size = v->ode->size, bytes = size * sizeof *v->y, to = (size_t)i * size;
    memcpy(v->result + (size_t)v->row[i] * size, v->y + to, bytes);
    const int last = --v->n;
    if (i == last) return;
    v->row[i] = v->row[last], v->step[i] = v->step[last], v->rejected[i] = v->rejected[last];
    v->s[i] = v->s[last], v->h[i] = v->h[last];
    memcpy(v->y + to, v->y + (size_t)last * size, bytes);
    memcpy(v->inner + to, v->inner + (size_t)last * size, bytes);
    for (int j = 0; j < v->table->stages; j++)
        memcpy(v->k[j] + to, v->k[j] + (size_t)last * size, bytes);
}

static um_status check_finite(const struct solver *v)
{
    const size_t size = v->ode->size;
    for (int i = 0; i < v->n; i++)
        for (size_t e = 0; e < size; e++)
            if (!isfinite(v->y[(size_t)i * size + e]))
                return bad_row(v, i, "a number that is not finite");
    return UM_OK;
}

static um_status step(struct solver *v)
{
    UM_TRY(um_check_cancelled(v->ctx));
    if (!v->embedded) UM_TRY(slope(v, v->s, v->y, v->k[0]));
    else
        for (int i = 0; i < v->n; i++) shorten(v, i);
    UM_TRY(stages(v));
    for (int i = v->n - 1; i >= 0; i--) { /* from behind: what moves forward was judged */
        const double way = v->ode->to - v->ode->from;
        bool taken;
        UM_TRY(judge(v, i, &taken));
        if (taken && v->ode->progress)
            v->ode->progress(v->ode->user, v->row[i], (v->s[i] - v->ode->from) / way);
        if (taken && arrived(v, i)) leave(v, i);
    }
    return check_finite(v);
}

static um_status solve(struct solver *v)
{
    for (int i = 0; i < v->n; i++) v->row[i] = i, v->s[i] = v->ode->from, v->calls[i] = 0;
    memcpy(v->y, v->result, (size_t)v->n * v->ode->size * sizeof *v->y);
    UM_TRY(check_finite(v));
    if (v->embedded) UM_TRY(slope(v, v->s, v->y, v->k[0]));
    for (int i = 0; i < v->n; i++) v->h[i] = first_step(v, i);
    while (v->n > 0) UM_TRY(step(v));
    return UM_OK;
}

um_status um_ode_solve(um_ctx *ctx, const um_ode *ode, const um_ode_settings *settings, double *y,
                       int *calls)
{
    um_arena arena = { .ctx = ctx };
    struct solver v = { .ctx = ctx, .ode = ode, .settings = settings, .n = ode->n,
                        .table = tables[settings->integrator],
                        .embedded = settings->integrator == UM_INTEGRATOR_ADAPTIVE,
                        .result = y, .calls = calls };
    um_status status = take_memory(&v, &arena);
    if (status == UM_OK) status = solve(&v);
    um_arena_free(&arena);
    return status;
}
