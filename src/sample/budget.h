/* SPDX-License-Identifier: MIT
 * budget.h - which sampler, and how many steps of it, so much time is enough for. */
#ifndef UM_BUDGET_H
#define UM_BUDGET_H

#include "sample/guidance.h"

/* A watch that is held to the drawing of one batch; um_stopwatch_row is the request's progress. The
 * first row, in which the network is recorded, is not counted where there are more. */
typedef struct um_stopwatch {
    double (*now)(void *user); /* seconds */
    void *user;
    double begun, last; /* when the rows that are counted began, and ended */
    double calls;       /* of them                                         */
} um_stopwatch;

void um_stopwatch_start(um_stopwatch *w, const um_plan *plan, int timesteps,
                        double (*now)(void *user), void *user);
void um_stopwatch_row(void *user, int row, int rows, int batch, int batches);

/* Seconds that a model call took with all that belongs to it. */
double um_stopwatch_call(const um_stopwatch *w);

/* Model calls for each image in the rows `from` to the last of a plan; one that is guided counts as
 * two. */
double um_budget_calls(const um_plan *plan, int timesteps, int from);

/* The most *steps, up to every timestep of the schedule, that need at most `calls`; 0 where one is
 * too many. settings->steps is not looked at. */
um_status um_budget_steps(um_ctx *ctx, const um_sample_settings *settings,
                          const um_schedule *schedule, double calls, int *steps);

/* The sampler for so many steps of so many timesteps, and in *why the reason. */
const um_sampler *um_budget_sampler(int steps, int timesteps, const char **why);

#endif
