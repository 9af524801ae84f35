/* SPDX-License-Identifier: MIT
 * budget.c - a call is timed, the steps follow, and from them the sampler. */
#include "sample/budget.h"

extern const um_sampler um_sampler_unipc, um_sampler_dpmpp, um_sampler_ddpm;

double um_budget_calls(const um_plan *plan, int timesteps, int from)
{
    const um_sample_settings *s = &plan->settings;
    double calls = 0.0;
    for (int i = from; i < plan->rows; i++)
        if (plan->row[i].asks)
            calls += um_guidance_calls(&s->guidance, timesteps, plan->row[i].t);
    return calls;
}

void um_stopwatch_start(um_stopwatch *w, const um_plan *plan, int timesteps,
                        double (*now)(void *user), void *user)
{
    *w = (um_stopwatch){ .now = now, .user = user };
    w->begun = w->last = now(user);
    w->calls = um_budget_calls(plan, timesteps, plan->rows > 1 ? 1 : 0);
}

void um_stopwatch_row(void *user, int row, int rows, int batch, int batches)
{
    um_stopwatch *w = user;
    (void)batch, (void)batches;
    w->last = w->now(w->user);
    if (row == 1 && rows > 1) w->begun = w->last;
}

double um_stopwatch_call(const um_stopwatch *w) { return (w->last - w->begun) / w->calls; }

um_status um_budget_steps(um_ctx *ctx, const um_sample_settings *settings,
                          const um_schedule *schedule, double calls, int *steps)
{
    um_sample_settings s = *settings;
    int fits = 0, too_many = schedule->timesteps + 1;
    while (too_many - fits > 1) {
        um_plan plan;
        s.steps = fits + (too_many - fits) / 2;
        UM_TRY(um_plan_init(ctx, &plan, &s, schedule));
        if (um_budget_calls(&plan, schedule->timesteps, 0) <= calls) fits = s.steps;
        else too_many = s.steps;
        um_plan_free(ctx, &plan);
    }
    *steps = fits;
    return UM_OK;
}

/* Zhao et al. (2302.04867) compare at 5 to 10 calls, where UniPC is ahead of DPM-Solver++; Lu et
 * al. (2211.01095) find the latter good from 15 to 20 on, and it does without the corrector. Ho et
 * al. (2020) go through every timestep, which is what the model was trained for. */
static const struct choice {
    int from; /* steps; -1: all timesteps */
    const um_sampler *sampler;
    const char *why;
} choices[] = {
    { -1, &um_sampler_ddpm, "every timestep, as in training (Ho et al. 2020)" },
    { 15, &um_sampler_dpmpp, "from 15 steps on its second order serves (Lu et al. 2022)" },
    { 0, &um_sampler_unipc, "few steps, where its corrector pays (Zhao et al. 2023)" },
};

const um_sampler *um_budget_sampler(int steps, int timesteps, const char **why)
{
    size_t i = 0;
    while (steps < (choices[i].from < 0 ? timesteps : choices[i].from)) i++;
    *why = choices[i].why;
    return choices[i].sampler;
}
