/* SPDX-License-Identifier: MIT
 * What holds of both samplers whose images choose their own steps. */
#include "sample/adaptive.h"

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "drawing.h"
#include "support/scratch.h"
#include "trajectory.h"

enum { COUNT = 5, SIZE = 48 };

static const char *const samplers[] = { "ode_adaptive", "sde_adaptive" };
static const um_sample_request five = { .h = 4, .w = 4, .c = 3, .count = COUNT };

static void open(drawing *d, const char *sampler)
{
    um_sample_settings settings = drawing_settings(sampler);
    settings.seed = 9;
    if (settings.sampler->defaults.rtol < 1e-3) settings.rtol = settings.atol = 1e-4;
    drawing_open(d, &settings, 1000);
    d->ctx.threads = 1;
}

static void draw(drawing *d, const um_sample_request *r, float *out)
{
    const um_denoiser model = trajectory_model();
    CHECK_OK(&d->ctx, um_sample_run(&d->ctx, &d->plan, &model, r, out));
}

static void an_image_depends_on_its_number_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < UM_COUNT(samplers); i++) {
        drawing d;
        open(&d, samplers[i]);
        float all[COUNT * SIZE], other[COUNT * SIZE];
        um_sample_tally whole = { 0 };
        um_sample_request r = five;
        r.tally = &whole;
        draw(&d, &r, all);
        for (r.batch = 1; r.batch < COUNT; r.batch++) {
            um_sample_tally parts = { 0 };
            r.tally = &parts;
            draw(&d, &r, other);
            assert_memory_equal(all, other, sizeof all);
            assert_true(parts.steps == whole.steps && parts.rejected == whole.rejected);
        }
        r = (um_sample_request){ .h = 4, .w = 4, .c = 3, .count = 1, .first_image = 3 };
        draw(&d, &r, other);
        assert_memory_equal(all + 3 * SIZE, other, SIZE * sizeof *all);
        assert_true(whole.steps > 5 * COUNT);
        drawing_close(&d);
    }
}

/* What is told on the way. */
struct told { int progress, last, shown[COUNT], marks[COUNT]; float x0[COUNT * SIZE]; };

static void hear(void *user, int row, int rows, int batch, int batches)
{
    struct told *told = user;
    assert_int_equal(rows, 101);
    assert_true(row <= rows && (row > told->last || batch > told->progress));
    assert_int_equal(batches, 2);
    told->progress = batch;
    told->last = row;
}

static void see(void *user, const um_sample_view *view)
{
    struct told *told = user;
    assert_int_equal(view->n, 1);
    const int i = view->first;
    assert_true(view->index == 25 * told->shown[i]);
    told->shown[i]++;
    memcpy(told->x0 + i * SIZE, view->x0, SIZE * sizeof *view->x0);
}

static void progress_and_marks_are_told_in_order_to_the_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < UM_COUNT(samplers); i++) {
        drawing d;
        open(&d, samplers[i]);
        struct told told = { 0 };
        um_sample_request r = five;
        r.batch = 3;
        r.progress = hear, r.progress_user = &told;
        r.trajectory = see, r.trajectory_user = &told, r.trajectory_every = 25;
        float out[COUNT * SIZE];
        draw(&d, &r, out);
        assert_true(told.progress == 1 && told.last == 101);
        for (int k = 0; k < COUNT; k++) assert_int_equal(told.shown[k], 5);
        /* the last mark is the end, and with denoise what is predicted there is the image */
        assert_memory_equal(told.x0, out, sizeof out);
        drawing_close(&d);
    }
}

static void too_few_calls_are_refused_with_a_way_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < UM_COUNT(samplers); i++) {
        drawing d;
        open(&d, samplers[i]);
        d.plan.settings.max_calls = 10;
        float out[COUNT * SIZE];
        const um_denoiser model = trajectory_model();
        assert_int_equal(um_sample_run(&d.ctx, &d.plan, &model, &five, out), UM_BAD_ARG);
        CHECK_TOLD(&d.ctx, "sample.max_calls = 10 is reached, and image 0 is at timestep ");
        CHECK_TOLD(&d.ctx, "(more, or a larger sample.rtol or atol)");
        drawing_close(&d);
    }
}

static bool at_once(void *user) { return *(int *)user > 20; }

static um_status count(void *user, int n, const float *x, const double *t, const int *labels,
                       float *out)
{
    ++*(int *)user;
    const um_denoiser model = trajectory_model();
    return model.predict(model.user, n, x, t, labels, out);
}

static void cancelling_stops_between_calls(void **state)
{
    (void)state;
    for (size_t i = 0; i < UM_COUNT(samplers); i++) {
        drawing d;
        int calls = 0;
        open(&d, samplers[i]);
        d.ctx.cancelled = at_once;
        d.ctx.cancel_user = &calls;
        float out[COUNT * SIZE];
        const um_denoiser model = { count, &calls };
        assert_int_equal(um_sample_run(&d.ctx, &d.plan, &model, &five, out), UM_CANCELLED);
        assert_int_equal(calls, 21);
        drawing_close(&d);
    }
}

/* The model says its class: what is drawn is near it, or the classes were mixed up. */
static um_status say_class(void *user, int n, const float *x, const double *t, const int *labels,
                           float *out)
{
    (void)user, (void)x, (void)t;
    for (int i = 0; i < n * SIZE; i++) out[i] = (float)(0.1 * labels[i / SIZE]);
    return UM_OK;
}

static void each_image_keeps_its_class_when_others_are_done(void **state)
{
    (void)state;
    const int labels[COUNT] = { 5, -6, 7, 8, -9 };
    for (size_t i = 0; i < UM_COUNT(samplers); i++) {
        drawing d;
        open(&d, samplers[i]);
        d.plan.settings.prediction = UM_PREDICTION_SAMPLE;
        um_sample_request r = five;
        r.labels = labels;
        float out[COUNT * SIZE];
        const um_denoiser model = { say_class, NULL };
        CHECK_OK(&d.ctx, um_sample_run(&d.ctx, &d.plan, &model, &r, out));
        for (int k = 0; k < COUNT * SIZE; k++) CHECK_NEAR(out[k], 0.1 * labels[k / SIZE], 1e-6);
        drawing_close(&d);
    }
}

static void keep_line(void *user, const char *line) { um_text_add(user, "%s", line); }

static void explaining_tells_the_tolerances(void **state)
{
    (void)state;
    drawing d;
    open(&d, "sde_adaptive");
    um_text text = { .ctx = &d.ctx };
    um_plan_explain(&d.plan, keep_line, &text);
    assert_string_equal(text.data,
        "sde_adaptive: from timestep 999 to 0 by steps that each image chooses\n"
        "error of a step: 0.0078 + 0.01 |x| (sample.atol, sample.rtol), root mean square over the "
        "image\n"
        "at most 10000 model calls an image (sample.max_calls); the last x becomes the image "
        "predicted from it\n");
    um_text_free(&text);
    drawing_close(&d);
}

static void the_error_of_a_step_is_a_mean_over_the_image(void **state)
{
    (void)state;
    const um_sample_settings s = { .rtol = 0.1, .atol = 0.2 };
    const double x[2] = { 1.0, 0.0 }, to[2] = { -3.0, 0.0 }, error[2] = { 1.0, 0.2 };
    CHECK_NEAR(um_adaptive_error(&s, 2, x, to, error), sqrt((4.0 + 1.0) / 2), 1e-12);
}

static void settings_out_of_range_are_refused(void **state)
{
    (void)state;
    drawing d;
    open(&d, "ode_adaptive");
    const um_sample_settings good = d.plan.settings;
    um_sample_settings bad[5] = { good, good, good, good, good };
    bad[0].rtol = bad[0].atol = 0.0;
    bad[1].rtol = -1.0;
    bad[2].atol = NAN;
    bad[3].max_calls = 0;
    bad[4] = drawing_settings("sde_adaptive");
    bad[4].rng = UM_RNG_TORCH;
    for (size_t i = 0; i < UM_COUNT(bad); i++) {
        um_plan p;
        if (um_plan_init(&d.ctx, &p, &bad[i], &d.schedule) != UM_BAD_ARG)
            fail_msg("case %zu is accepted", i);
    }
    drawing_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_depends_on_its_number_alone),
        cmocka_unit_test(progress_and_marks_are_told_in_order_to_the_end),
        cmocka_unit_test(too_few_calls_are_refused_with_a_way_out),
        cmocka_unit_test(cancelling_stops_between_calls),
        cmocka_unit_test(each_image_keeps_its_class_when_others_are_done),
        cmocka_unit_test(explaining_tells_the_tolerances),
        cmocka_unit_test(the_error_of_a_step_is_a_mean_over_the_image),
        cmocka_unit_test(settings_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
