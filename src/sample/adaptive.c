/* SPDX-License-Identifier: MIT
 * adaptive.c - paths, marks and limits of samplers that choose their steps. */
#include "sample/adaptive.h"

#include <stdio.h>
#include <string.h>

#include "sample/runge_kutta.h"

um_status um_adaptive_plan(um_ctx *ctx, um_plan *plan, const um_schedule *s)
{
    const um_sample_settings *c = &plan->settings;
    (void)s;
    if (!(c->rtol >= 0.0 && c->atol >= 0.0 && c->rtol + c->atol > 0.0 && c->rtol + c->atol < 10.0))
        return um_fail(ctx, UM_BAD_ARG, "sample.rtol = %g, sample.atol = %g (not below 0, one of "
                       "them above)", c->rtol, c->atol);
    if (c->max_calls < 1)
        return um_fail(ctx, UM_BAD_ARG, "sample.max_calls = %d (1 or more)", c->max_calls);
    um_row *last = &plan->row[plan->rows - 1];
    if (last->t_prev < 0.0) um_denoise_row(last);
    return UM_OK;
}

um_status um_adaptive_open(um_adaptive *a, um_run *run, double **out, int arrays)
{
    *a = (um_adaptive){ .run = run, .arena = { .ctx = run->ctx }, .active = run->n };
    a->path = um_arena_take(&a->arena, (size_t)run->n * sizeof *a->path);
    for (int i = 0; i < arrays; i++)
        out[i] = um_arena_take(&a->arena, (size_t)run->n * run->size * sizeof(double));
    if (a->arena.status != UM_OK) return a->arena.status;
    for (int i = 0; i < run->n; i++)
        a->path[i] = (um_path){ .image = i, .time = um_sde_grid(&run->plan->sde, 0.0) };
    return UM_OK;
}

void um_adaptive_close(um_adaptive *a) { um_arena_free(&a->arena); }

um_status um_adaptive_ask(um_adaptive *a, int n, const int *who, const double *times,
                          const double *x)
{
    um_run *run = a->run;
    const um_sde *sde = &run->plan->sde;
    const int most = run->plan->settings.max_calls;
    UM_TRY(um_check_cancelled(run->ctx));
    for (int i = 0; i < n; i++) {
        um_path *p = &a->path[who[i]];
        if (++p->calls > most)
            return um_fail(run->ctx, UM_BAD_ARG,
                           "sample.max_calls = %d is reached, and image %llu is at timestep %g "
                           "(more, or a larger sample.rtol or atol)", most,
                           (unsigned long long)run->request->first_image +
                               (unsigned long long)(run->first + p->image),
                           um_sde_timestep(sde, p->time));
        run->asked[i] = (um_asked){ p->image, p->steps, um_sde_level(sde, times[i]) };
    }
    return um_run_ask(run, n, run->asked, 1.0, x);
}

/* Show the marks that the path has passed; after the last of them, at the end, the rest. */
static void pass_marks(um_adaptive *a, um_path *p, int i)
{
    const um_plan *plan = a->run->plan;
    const bool done = p->time <= plan->sde.end;
    while (p->marks < plan->rows &&
           (done || um_sde_time(&plan->sde, plan->row[p->marks].t) >= p->time)) {
        if (um_run_shows(a->run, p->marks))
            um_run_show(a->run, &plan->row[p->marks], p->marks, i, p->image, 1);
        p->marks++;
    }
}

void um_adaptive_arrive(um_adaptive *a, um_path *path, int i)
{
    const um_run *run = a->run;
    pass_marks(a, path, i);
    if (path->time <= run->plan->sde.end && run->plan->settings.denoise)
        memcpy(run->x + (size_t)path->image * run->size, run->x0 + (size_t)i * run->size,
               run->size * sizeof *run->x);
}

um_status um_adaptive_round(um_adaptive *a)
{
    const um_run *run = a->run;
    const um_sample_request *r = run->request;
    int left = 0, marks = run->plan->rows;
    for (int i = 0; i < a->active; i++) {
        const um_path *p = &a->path[i];
        marks = UM_MIN(marks, p->marks);
        if (p->time > run->plan->sde.end) {
            a->path[left++] = *p;
        } else if (r->tally) {
            r->tally->steps += p->steps;
            r->tally->rejected += p->rejected;
        }
    }
    a->active = left;
    if (marks > a->told && r->progress)
        r->progress(r->progress_user, marks, run->plan->rows, run->batch, run->batches);
    a->told = marks;
    return um_check_cancelled(run->ctx);
}

double um_adaptive_error(const um_sample_settings *s, size_t n, const double *x, const double *to,
                         const double *error)
{
    return um_scaled_error(n, x, to, error, s->atol, s->rtol);
}

void um_adaptive_explain(const um_plan *plan, void (*put)(void *user, const char *line), void *user)
{
    const um_sample_settings *s = &plan->settings;
    char line[256];
    snprintf(line, sizeof line, "%s: from timestep %.6g to %.6g by steps that each image chooses\n",
             s->sampler->name, plan->level[0].t, um_sde_timestep(&plan->sde, plan->sde.end));
    put(user, line);
    snprintf(line, sizeof line, "error of a step: %g + %g |x| (sample.atol, sample.rtol), root "
             "mean square over the image\n", s->atol, s->rtol);
    put(user, line);
    snprintf(line, sizeof line, "at most %d model calls an image (sample.max_calls)%s\n",
             s->max_calls, s->denoise ? "; the last x becomes the image predicted from it" : "");
    put(user, line);
}
