/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "drawing.h"
#include "sample/inverse.h"
#include "trajectory.h"

enum { SIZE = 4 * 4 * 3, COUNT = 2, ALL = COUNT * SIZE };

static void diffusers_trajectories_are_reproduced(void **state)
{
    (void)state;
    trajectory_check("ddim_inverse-0-10", STRIDE_LIST, 1e-5);
    trajectory_check("ddim_inverse-0-37", STRIDE_LIST, 1e-5);
}

/* Pixels N(0, 0.4^2): the exact denoiser, saying epsilon, v or x_0. */
struct exact { const um_schedule *schedule; um_prediction says; };

static um_status exact_predict(void *user, int n, const float *x, const double *t,
                               const int *labels, float *out)
{
    const struct exact *e = user;
    (void)labels;
    for (int k = 0; k < n * SIZE; k++) {
        const double bar = e->schedule->alpha_bar[(int)t[k / SIZE]];
        const double a = sqrt(bar), s = sqrt(1.0 - bar);
        const double x0 = a * 0.16 / (bar * 0.16 + 1.0 - bar) * (double)x[k];
        const double eps = ((double)x[k] - a * x0) / s;
        const double says[] = { eps, a * eps - s * x0, x0 };
        out[k] = (float)says[e->says];
    }
    return UM_OK;
}

/* The largest difference between images and what comes back from their noise. */
static double there_and_back(um_sample_settings settings, int corrections)
{
    float image[ALL], noise[ALL], again[ALL];
    drawing d;
    um_plan back;
    double worst = 0.0;
    settings.clip_sample = false;
    drawing_open(&d, &settings, 1000);
    CHECK_OK(&d.ctx, um_inverse_plan(&d.ctx, &back, &d.plan, &d.schedule, corrections));
    struct exact exact = { &d.schedule, settings.prediction };
    const um_denoiser model = { exact_predict, &exact };
    for (int k = 0; k < ALL; k++) image[k] = (float)sin(1.0 + 0.7 * k);
    um_sample_request r = { .h = 4, .w = 4, .c = 3, .count = COUNT, .start = image };
    CHECK_OK(&d.ctx, um_sample_run(&d.ctx, &back, &model, &r, noise));
    r.start = noise;
    CHECK_OK(&d.ctx, um_sample_run(&d.ctx, &d.plan, &model, &r, again));
    for (int k = 0; k < ALL; k++)
        worst = fmax(worst, fabs((double)again[k] - (double)image[k]));
    um_plan_free(&d.ctx, &back);
    drawing_close(&d);
    return worst;
}

static void corrections_lead_back_to_the_image(void **state)
{
    (void)state;
    um_sample_settings settings = drawing_settings("ddim");
    settings.steps = 50;
    const double plain = there_and_back(settings, 0);
    assert_true(plain > 0.01);
    assert_true(there_and_back(settings, 2) < 0.5 * plain);
    CHECK_NEAR(there_and_back(settings, UM_INVERSE_CORRECTIONS_MAX), 0.0, 1e-4);
}

static void every_prediction_and_last_level_is_inverted(void **state)
{
    (void)state;
    for (int says = UM_PREDICTION_EPSILON; says <= UM_PREDICTION_SAMPLE; says++)
        for (int to_one = 0; to_one < 2; to_one++) {
            um_sample_settings settings = drawing_settings("ddim");
            settings.steps = 50;
            settings.prediction = (um_prediction)says;
            settings.set_alpha_to_one = to_one;
            CHECK_NEAR(there_and_back(settings, UM_INVERSE_CORRECTIONS_MAX), 0.0, 1e-4);
        }
}

static void more_corrections_than_there_is_room_for_are_refused(void **state)
{
    (void)state;
    um_sample_settings settings = drawing_settings("ddim");
    drawing d;
    um_plan back;
    drawing_open(&d, &settings, 1000);
    assert_int_equal(um_inverse_plan(&d.ctx, &back, &d.plan, &d.schedule, -1), UM_BAD_ARG);
    assert_int_equal(um_inverse_plan(&d.ctx, &back, &d.plan, &d.schedule,
                                     UM_INVERSE_CORRECTIONS_MAX + 1), UM_BAD_ARG);
    assert_null(back.row);
    drawing_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(diffusers_trajectories_are_reproduced),
        cmocka_unit_test(corrections_lead_back_to_the_image),
        cmocka_unit_test(every_prediction_and_last_level_is_inverted),
        cmocka_unit_test(more_corrections_than_there_is_room_for_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
