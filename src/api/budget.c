/* SPDX-License-Identifier: MIT
 * budget.c - keeping sample.budget: the model is timed on the batch that will be drawn. */
#include "sample/budget.h"

#include "api/handles.h"

#include <stdio.h>
#include <string.h>

enum { FEW_ROWS = 4 };
static const double SHARE = 0.05; /* of the budget, for more rows than those few */

/* What the choice goes by. */
typedef struct pricing {
    um_model *m;
    um_config *c;
    double begun, call; /* when all began; seconds of a call for a batch */
    int batch;
} pricing;

static double now(void *unused)
{
    (void)unused;
    return um_seconds();
}

/* Draw a batch through the first rows of the plan, and throw it away. */
static um_status time_rows(pricing *p, const um_plan *plan, const um_sample_request *request,
                           int rows, float *out)
{
    um_plan first = *plan;
    um_sample_request r = *request;
    um_stopwatch watch;
    first.rows = UM_MIN(rows, plan->rows);
    um_stopwatch_start(&watch, &first, p->c->diffusion_timesteps, now, NULL);
    r.progress = um_stopwatch_row;
    r.progress_user = &watch;
    UM_TRY(um_draw_request(p->m->ctx, p->m->unet, &first, p->c, &r, out));
    p->call = um_stopwatch_call(&watch);
    return UM_OK;
}

static um_status time_batch(pricing *p, const um_plan *plan, um_sample_request *request)
{
    um_ctx *ctx = p->m->ctx;
    const size_t size = (size_t)request->h * (size_t)request->w * (size_t)request->c;
    float *out = NULL;
    int *labels = NULL; /* all of the first class: that costs what any costs */
    request->count = p->batch;
    um_status status = um_alloc(ctx, &out, (size_t)p->batch * size, sizeof *out, "images");
    if (status == UM_OK)
        status = um_alloc(ctx, &labels, (size_t)p->batch, sizeof *labels, "classes");
    request->labels = labels;
    if (status == UM_OK) status = time_rows(p, plan, request, FEW_ROWS, out);
    const double rows = SHARE * p->c->sample_budget / (p->call > 0 ? p->call : 1.0);
    if (status == UM_OK && rows > 2 * FEW_ROWS)
        status = time_rows(p, plan, request, (int)UM_MIN(rows, plan->rows), out);
    um_free(ctx, labels);
    um_free(ctx, out);
    return status;
}

/* Time the model as `c` has it: with its batch, guidance and precision. */
static um_status price(pricing *p, um_size size)
{
    um_ctx *ctx = p->m->ctx;
    const um_unet_config *u = um_unet_configuration(p->m->unet);
    um_sample_request r = { .h = size.h, .w = size.w, .c = u->in_channels,
                            .count = p->c->sample_count, .batch = p->c->sample_batch };
    um_plan plan;
    UM_TRY(um_draw_network_check(ctx, u, p->c));
    UM_TRY(um_plan_from_config(ctx, p->c, &plan));
    um_status status = um_draw_batch(ctx, p->m->unet, &plan, p->c, &r, &p->batch);
    p->batch = UM_MIN(p->batch, r.count);
    if (status == UM_OK) status = time_batch(p, &plan, &r);
    um_plan_free(ctx, &plan);
    return status;
}

/* Steps that the settings' sampler can do in the time that is left. */
static um_status affordable(const pricing *p, int *steps)
{
    um_ctx *ctx = p->m->ctx;
    const um_config *c = p->c;
    um_sample_settings settings;
    um_schedule schedule;
    const double batches = (double)c->sample_count / p->batch;
    const double left = c->sample_budget - (um_seconds() - p->begun);
    UM_TRY(um_sample_settings_from_config(ctx, c, &settings));
    UM_TRY(um_schedule_from_config(ctx, c, &schedule));
    um_status status =
        um_budget_steps(ctx, &settings, &schedule, left / (p->call * batches), steps);
    um_schedule_free(ctx, &schedule);
    if (status != UM_OK || *steps > 0) return status;
    return um_fail(ctx, UM_BAD_ARG,
                   "sample.budget = %gs is over before a step is done: one call of the model for "
                   "%d image%s takes %.3g s (a longer time, or fewer images)",
                   c->sample_budget, p->batch, p->batch == 1 ? "" : "s", p->call),
           um_config_fail_at(ctx, c, UM_BAD_ARG, UM_KEY_sample_budget);
}

/* Let `c` be the settings again, as the model's scheduler sees them with that sampler. */
static um_status adopt_sampler(const pricing *p, const um_settings *s, const um_sampler *sampler)
{
    um_settings chosen = *s;
    um_size size;
    snprintf(chosen.config.sample_sampler, sizeof chosen.config.sample_sampler, "%s",
             sampler->name);
    um_arena_free(&p->c->texts);
    return um_model_adopted(p->m, &chosen, p->c, &size);
}

/* What a sampler that chooses its steps will need is not known before. */
static um_status check_priced(um_ctx *ctx, const um_config *c)
{
    const um_sampler *sampler;
    UM_TRY(um_sampler_find(ctx, c->sample_sampler, &sampler));
    if (!sampler->integrate) return UM_OK;
    return um_fail(ctx, UM_BAD_ARG, "sample.budget with sample.sampler = %s, which takes as many "
                   "steps as its tolerances ask (another sampler)", sampler->name),
           um_config_fail_at(ctx, c, UM_BAD_ARG, UM_KEY_sample_budget);
}

um_status um_budget_keep(um_model *m, const um_settings *s, um_config *c, um_size size,
                         double begun, const um_sample_hooks *hooks)
{
    pricing p = { .m = m, .c = c, .begun = begun };
    const char *why = "the sampler that was asked for";
    char reason[256];
    int steps;
    if (c->sample_budget == 0) return UM_OK;
    UM_TRY(check_priced(m->ctx, c));
    UM_TRY(price(&p, size));
    UM_TRY(affordable(&p, &steps));
    if (c->origin[UM_KEY_sample_sampler].source == UM_FROM_DEFAULT) {
        UM_TRY(adopt_sampler(&p, s, um_budget_sampler(steps, c->diffusion_timesteps, &why)));
        UM_TRY(affordable(&p, &steps));
    }
    snprintf(reason, sizeof reason, "%.3g s a call for %d image%s; %s", p.call, p.batch,
             p.batch == 1 ? "" : "s", why);
    c->sample_steps = steps;
    c->sample_budget = 0; /* what is noted of the images draws them again */
    if (hooks && hooks->chosen) hooks->chosen(hooks->user, c->sample_sampler, steps, reason);
    return UM_OK;
}
