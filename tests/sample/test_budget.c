/* SPDX-License-Identifier: MIT */
#include "sample/budget.h"

#include <string.h>

#include "drawing.h"

enum { COUNT = 20, BATCH = 8, SIZE = 2 * 2, T = 1000 };

/* A model that takes time on a clock of its own: 2 ms an image, and a second more at first, as a
 * network that is recorded. */
struct slow {
    double time;
    int calls;
};

static um_status answer(void *user, int n, const float *x, const double *t, const int *labels,
                        float *out)
{
    struct slow *m = user;
    (void)t, (void)labels;
    m->time += 0.002 * n + (m->calls++ == 0 ? 1.0 : 0.0);
    memcpy(out, x, (size_t)n * SIZE * sizeof *x);
    return UM_OK;
}

static double now(void *user) { return ((struct slow *)user)->time; }

typedef struct subject {
    um_ctx ctx;
    um_schedule schedule;
    struct slow model;
} subject;

static void open_subject(subject *s)
{
    memset(s, 0, sizeof *s);
    um_ctx_init(&s->ctx);
    const um_schedule_settings linear = um_schedule_defaults();
    CHECK_OK(&s->ctx, um_schedule_init(&s->ctx, &s->schedule, &linear));
}

static void close_subject(subject *s) { um_schedule_free(&s->ctx, &s->schedule); }

/* The first `rows` rows, or all of them (0), for `count` images in batches. */
static void draw(subject *s, const um_sample_settings *settings, int rows, int count,
                 um_stopwatch *watch)
{
    static const int labels[COUNT];
    float out[COUNT * SIZE];
    const um_denoiser plain = { answer, &s->model };
    um_guidance g;
    um_plan plan;
    CHECK_OK(&s->ctx, um_plan_init(&s->ctx, &plan, settings, &s->schedule));
    if (rows) plan.rows = rows;
    um_guidance_init(&g, &s->ctx, &plain, &settings->guidance, 1, T, SIZE);
    const um_denoiser model = um_denoiser_from_guidance(&g);
    um_sample_request r = { .h = 2, .w = 2, .c = 1, .count = count, .batch = BATCH,
                            .labels = labels };
    if (watch) {
        um_stopwatch_start(watch, &plan, T, now, &s->model);
        r.progress = um_stopwatch_row;
        r.progress_user = watch;
    }
    CHECK_OK(&s->ctx, um_sample_run(&s->ctx, &plan, &model, &r, out));
    um_guidance_free(&g);
    um_plan_free(&s->ctx, &plan);
}

static const um_guidance_settings kinds[] = {
    { .scale = 1, .end = 1 },
    { .scale = 3, .end = 1 },
    { .scale = 3, .start = 0.2, .end = 0.7, .passes = true },
};

/* What is timed in a few rows is what a call takes in all of them, recording and guidance apart. */
static void the_watch_counts_a_call_for_a_batch(void **state)
{
    (void)state;
    for (int i = 0; um_samplers[i]; i++)
        for (size_t k = 0; k < UM_COUNT(kinds); k++)
            for (int rows = 1; rows <= 4; rows++) {
                if (um_samplers[i]->integrate) continue; /* api/budget refuses these */
                subject s;
                um_stopwatch watch;
                open_subject(&s);
                um_sample_settings settings = um_sampler_defaults(um_samplers[i]);
                settings.steps = 20;
                settings.guidance = kinds[k];
                draw(&s, &settings, rows, BATCH, &watch);
                if (rows > 1) CHECK_NEAR(um_stopwatch_call(&watch), 0.002 * BATCH, 1e-9);
                else assert_true(um_stopwatch_call(&watch) > 0.4); /* nothing else to go by */
                close_subject(&s);
            }
}

/* Every sampler at three budgets: not above, and less than a step below. */
static void the_steps_take_the_time_that_there_is(void **state)
{
    (void)state;
    static const double budgets[] = { 2, 8, 20 };
    for (int i = 0; um_samplers[i]; i++)
        for (size_t k = 0; k < UM_COUNT(kinds); k++)
            for (size_t b = 0; b < UM_COUNT(budgets); b++) {
                if (um_samplers[i]->integrate) continue; /* api/budget refuses these */
                subject s;
                open_subject(&s);
                um_sample_settings settings = um_sampler_defaults(um_samplers[i]);
                settings.guidance = kinds[k];
                const double call = 0.002 * BATCH, batches = (double)COUNT / BATCH;
                CHECK_OK(&s.ctx, um_budget_steps(&s.ctx, &settings, &s.schedule,
                                                 budgets[b] / (call * batches), &settings.steps));
                s.model.calls = 1; /* recorded */
                draw(&s, &settings, 0, COUNT, NULL);
                if (s.model.time > budgets[b] * 1.0001)
                    fail_msg("%s takes %g s of %g s", um_samplers[i]->name, s.model.time,
                             budgets[b]);
                if (settings.steps < T && s.model.time < 0.8 * budgets[b])
                    fail_msg("%s, %d steps, takes only %g s of %g s", um_samplers[i]->name,
                             settings.steps, s.model.time, budgets[b]);
                close_subject(&s);
            }
}

static void too_little_time_gives_no_step_and_plenty_every_timestep(void **state)
{
    (void)state;
    subject s;
    int steps;
    open_subject(&s);
    um_sample_settings settings = drawing_settings("ddim");
    static const struct { double calls; int steps; } cases[] = {
        { -1, 0 }, { 0.99, 0 }, { 1, 1 }, { 17.5, 17 }, { 999.5, 999 }, { 1000, T }, { 1e9, T },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        CHECK_OK(&s.ctx,
                 um_budget_steps(&s.ctx, &settings, &s.schedule, cases[i].calls, &steps));
        assert_int_equal(steps, cases[i].steps);
    }
    settings.guidance = kinds[1];
    CHECK_OK(&s.ctx, um_budget_steps(&s.ctx, &settings, &s.schedule, 17.5, &steps));
    assert_int_equal(steps, 8);
    settings.eta = 2;
    assert_int_equal(um_budget_steps(&s.ctx, &settings, &s.schedule, 9, &steps), UM_BAD_ARG);
    close_subject(&s);
}

static void the_sampler_follows_from_the_steps(void **state)
{
    (void)state;
    static const struct { int steps, timesteps; const char *name; } cases[] = {
        { 1, 1000, "unipc" }, { 14, 1000, "unipc" }, { 15, 1000, "dpmpp" },
        { 999, 1000, "dpmpp" }, { 1000, 1000, "ddpm" }, { 10, 10, "ddpm" }, { 9, 10, "unipc" },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        const char *why = NULL;
        const um_sampler *s = um_budget_sampler(cases[i].steps, cases[i].timesteps, &why);
        assert_string_equal(s->name, cases[i].name);
        assert_non_null(why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_watch_counts_a_call_for_a_batch),
        cmocka_unit_test(the_steps_take_the_time_that_there_is),
        cmocka_unit_test(too_little_time_gives_no_step_and_plenty_every_timestep),
        cmocka_unit_test(the_sampler_follows_from_the_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
