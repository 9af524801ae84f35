/* SPDX-License-Identifier: MIT
 * drawing.h - a schedule, a plan and a request made in one line, for tests that draw. */
#ifndef UM_TEST_DRAWING_H
#define UM_TEST_DRAWING_H

#include "sample/driver.h"
#include "support/check.h"

typedef struct drawing {
    um_ctx ctx;
    um_schedule schedule;
    um_plan plan;
} drawing;

static inline um_sample_settings drawing_settings(const char *sampler)
{
    um_ctx ctx;
    um_ctx_init(&ctx);
    const um_sampler *s;
    CHECK_OK(&ctx, um_sampler_find(&ctx, sampler, &s));
    return um_sampler_defaults(s);
}

/* A linear schedule of T timesteps, with betas that grow as T falls, and a plan for it. */
static inline void drawing_open(drawing *d, const um_sample_settings *settings, int timesteps)
{
    um_ctx_init(&d->ctx);
    um_schedule_settings s = um_schedule_defaults();
    s.timesteps = timesteps;
    s.beta_start *= 1000.0 / timesteps;
    s.beta_end *= 1000.0 / timesteps;
    CHECK_OK(&d->ctx, um_schedule_init(&d->ctx, &d->schedule, &s));
    CHECK_OK(&d->ctx, um_plan_init(&d->ctx, &d->plan, settings, &d->schedule));
}

static inline void drawing_close(drawing *d)
{
    um_plan_free(&d->ctx, &d->plan);
    um_schedule_free(&d->ctx, &d->schedule);
}

#endif
