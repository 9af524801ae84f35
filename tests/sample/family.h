/* SPDX-License-Identifier: MIT
 * family.h - what the tests of exponential integrators share. */
#ifndef UM_TEST_FAMILY_H
#define UM_TEST_FAMILY_H

#include <math.h>
#include <string.h>

#include "drawing.h"
#include "trajectory.h"

/* Walk NAME-0 .. NAME-(variants - 1) with 10 and 37 steps but for one variant, -1 for none. All
 * sigmas are float32 in diffusers. */
static inline void family_golden(const char *name, int variants, int without)
{
    for (int variant = 0; variant < variants; variant++)
        for (int steps = 10; steps <= 37; steps += 27) {
            char file[40];
            snprintf(file, sizeof file, "%s-%d-%d", name, variant, steps);
            if (variant != without) trajectory_check(file, STRIDE_LIST, 1e-4);
        }
}

/* Every row is ddim's (Song et al. 2021, eq. 12 and 16), where eps = (x - alpha x_0) / sigma. */
static inline void family_is_ddim(const um_sample_settings *settings, double eta)
{
    drawing d;
    drawing_open(&d, settings, 1000);
    for (int i = 0; i < d.plan.rows; i++) {
        const um_row *row = &d.plan.row[i];
        const double bar = row->alpha_bar, to = row->alpha_bar_prev;
        const double sigma = eta * sqrt((1.0 - to) / (1.0 - bar)) * sqrt(1.0 - bar / to);
        const double eps = sqrt(1.0 - to - sigma * sigma);
        CHECK_NEAR(row->next.noise, sigma, 1e-12);
        CHECK_NEAR(row->next.x, eps / sqrt(1.0 - bar), 1e-12);
        CHECK_NEAR(row->next.x0, sqrt(to) - eps * sqrt(bar / (1.0 - bar)), 1e-12);
        for (int k = 0; k < UM_HISTORY_MAX; k++) CHECK_NEAR(row->next.past[k], 0.0, 1e-12);
    }
    drawing_close(&d);
}

/* Do these settings give the same coefficients? */
static inline bool family_same(const um_sample_settings *a, const um_sample_settings *b)
{
    drawing d, e;
    drawing_open(&d, a, 1000);
    drawing_open(&e, b, 1000);
    bool same = d.plan.rows == e.plan.rows;
    for (int i = 0; same && i < d.plan.rows; i++)
        same = memcmp(&d.plan.row[i].next, &e.plan.row[i].next, sizeof(um_mix)) == 0;
    drawing_close(&e);
    drawing_close(&d);
    return same;
}

/* The message that these settings are refused with. */
static inline void family_refuses(const um_sample_settings *settings, const char *message)
{
    um_ctx ctx;
    um_ctx_init(&ctx);
    um_schedule schedule;
    um_plan plan;
    const um_schedule_settings s = um_schedule_defaults();
    CHECK_OK(&ctx, um_schedule_init(&ctx, &schedule, &s));
    assert_int_equal(um_plan_init(&ctx, &plan, settings, &schedule), UM_BAD_ARG);
    assert_string_equal(ctx.message, message);
    um_schedule_free(&ctx, &schedule);
}

/* A model of one number, which says x_0, and noise in the order in which it is drawn: so a
 * recurrence can be written down beside the plan. */
static inline double family_says(double x, double t) { return tanh(0.7 * x + cos(t / 90.0)); }
static inline double family_noise(int draw) { return sin(3.0 * draw + 1.0); }

static inline um_status family_predict(void *user, int n, const float *x, const double *t,
                                       const int *labels, float *out)
{
    (void)user, (void)labels;
    for (int i = 0; i < n; i++) out[i] = (float)family_says((double)x[i], t[i]);
    return UM_OK;
}

static inline void family_draw(void *user, int row, uint64_t first, int n, float *out)
{
    int *const draws = user;
    (void)row, (void)first, (void)n;
    out[0] = (float)family_noise((*draws)++);
}

/* Draw one number from 1.5 on, by this plan. */
static inline double family_drawn(const um_plan *plan)
{
    um_ctx ctx;
    um_ctx_init(&ctx);
    int draws = 0;
    float start = 1.5f, out;
    const um_denoiser model = { .predict = family_predict };
    const um_noise noise = { .draw = family_draw, .user = &draws, .sequential = true };
    const um_sample_request r = { .h = 1, .w = 1, .c = 1, .count = 1, .start = &start,
                                  .noise = &noise };
    CHECK_OK(&ctx, um_sample_run(&ctx, plan, &model, &r, &out));
    return (double)out;
}

#endif
