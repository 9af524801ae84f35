/* SPDX-License-Identifier: MIT */
#include "sample/sdedit.h"

#include <math.h>
#include <string.h>

#include "drawing.h"
#include "trajectory.h"

enum { SIZE = 4 * 4 * 3, COUNT = 3, ALL = COUNT * SIZE };

static void only_the_last_steps_are_walked_and_noise_comes_first(void **state)
{
    (void)state;
    for (const um_sampler *const *s = um_samplers; *s; s++) {
        um_sample_settings settings = um_sampler_defaults(*s);
        settings.steps = 10;
        drawing d;
        um_plan part;
        bool from_noise;
        drawing_open(&d, &settings, 1000);
        CHECK_OK(&d.ctx, um_sdedit_plan(&d.ctx, &part, &settings, &d.schedule, 0.4, &from_noise));
        assert_false(from_noise);
        assert_int_equal(part.steps, 4);
        for (int i = 0; i <= 4; i++)
            assert_true(part.level[i].alpha_bar == d.plan.level[d.plan.steps - 4 + i].alpha_bar);
        /* What the model is shown first: sqrt(bar) x_0 + sqrt(1 - bar) z, also of samplers that
         * work on x / sqrt(bar). */
        const double bar = part.level[0].alpha_bar, scale = um_plan_scale_at(&part, bar);
        assert_false(part.row[0].asks);
        CHECK_NEAR(part.init_scale, 1.0, 0.0);
        CHECK_NEAR(part.row[0].next.x * scale, sqrt(bar), 1e-12);
        CHECK_NEAR(part.row[0].next.noise * scale, sqrt(1.0 - bar), 1e-12);
        um_plan_free(&d.ctx, &part);
        drawing_close(&d);
    }
}

static void with_strength_1_it_is_sampling_from_noise(void **state)
{
    (void)state;
    const um_sample_settings settings = drawing_settings("ddim");
    drawing d;
    um_plan whole;
    bool from_noise;
    drawing_open(&d, &settings, 1000);
    CHECK_OK(&d.ctx, um_sdedit_plan(&d.ctx, &whole, &settings, &d.schedule, 1.0, &from_noise));
    assert_true(from_noise);
    assert_int_equal(whole.rows, d.plan.rows);
    assert_memory_equal(whole.row, d.plan.row, (size_t)whole.rows * sizeof *whole.row);
    um_plan_free(&d.ctx, &whole);
    drawing_close(&d);
}

/* A model sure of a gray image: ddim carries the noise away, whatever the strength. */
static um_status expects_gray(void *user, int n, const float *x, const double *t,
                               const int *labels, float *out)
{
    const um_schedule *s = user;
    (void)labels;
    for (int k = 0; k < n * SIZE; k++) {
        const double bar = s->alpha_bar[(int)t[k / SIZE]];
        out[k] = (float)(((double)x[k] - sqrt(bar) * 0.5) / sqrt(1.0 - bar));
    }
    return UM_OK;
}

static void an_image_that_the_model_expects_comes_back(void **state)
{
    (void)state;
    um_sample_settings settings = drawing_settings("ddim");
    float image[ALL], out[ALL];
    for (int k = 0; k < ALL; k++) image[k] = 0.5f;
    for (int k = 1; k < 5; k++) {
        drawing d;
        um_plan part;
        bool from_noise;
        drawing_open(&d, &settings, 1000);
        CHECK_OK(&d.ctx,
                 um_sdedit_plan(&d.ctx, &part, &settings, &d.schedule, 0.2 * k, &from_noise));
        const um_denoiser model = { expects_gray, &d.schedule };
        const um_sample_request r = { .h = 4, .w = 4, .c = 3, .count = COUNT, .start = image };
        CHECK_OK(&d.ctx, um_sample_run(&d.ctx, &part, &model, &r, out));
        for (int i = 0; i < ALL; i++) CHECK_NEAR(out[i], 0.5, 1e-5);
        um_plan_free(&d.ctx, &part);
        drawing_close(&d);
    }
}

static void a_strength_outside_is_refused(void **state)
{
    (void)state;
    const um_sample_settings settings = drawing_settings("ddim");
    static const double wrong[] = { 0.0, -0.1, 1.1, NAN };
    drawing d;
    um_plan p;
    bool from_noise;
    drawing_open(&d, &settings, 1000);
    for (size_t i = 0; i < UM_COUNT(wrong); i++)
        assert_int_equal(
            um_sdedit_plan(&d.ctx, &p, &settings, &d.schedule, wrong[i], &from_noise), UM_BAD_ARG);
    drawing_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_last_steps_are_walked_and_noise_comes_first),
        cmocka_unit_test(with_strength_1_it_is_sampling_from_noise),
        cmocka_unit_test(an_image_that_the_model_expects_comes_back),
        cmocka_unit_test(a_strength_outside_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
