/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "drawing.h"
#include "trajectory.h"

enum { COUNT = 3, SIZE = 48 };

static const um_sample_request three = { .h = 4, .w = 4, .c = 3, .count = COUNT };

static void with_every_timestep_it_is_ddpm_to_the_bit(void **state)
{
    (void)state;
    float images[2][COUNT * SIZE];
    for (int k = 0; k < 2; k++) {
        um_sample_settings settings = drawing_settings(k ? "strided" : "ddpm");
        settings.steps = 200;
        drawing d;
        drawing_open(&d, &settings, 200);
        const um_denoiser model = trajectory_model();
        CHECK_OK(&d.ctx, um_sample_run(&d.ctx, &d.plan, &model, &three, images[k]));
        drawing_close(&d);
    }
    assert_memory_equal(images[0], images[1], sizeof images[0]);
}

static void it_takes_250_steps_unless_told_otherwise(void **state)
{
    (void)state;
    const um_sample_settings settings = drawing_settings("strided");
    drawing d;
    drawing_open(&d, &settings, 1000);
    assert_int_equal(d.plan.rows, 250);
    drawing_close(&d);
}

/* x_prev has the marginal of the level before around the predicted image, whatever x_t was. */
static void renoise_noises_the_predicted_image_anew(void **state)
{
    (void)state;
    um_sample_settings settings = drawing_settings("strided");
    settings.steps = 25;
    settings.strided_rule = UM_STRIDED_RENOISE;
    drawing d;
    drawing_open(&d, &settings, 1000);
    for (int i = 0; i < 25; i++) {
        const um_row *row = &d.plan.row[i];
        const double prev = i < 24 ? d.schedule.alpha_bar[(int)d.plan.level[i + 1].t] : 1.0;
        CHECK_NEAR(row->next.x0, sqrt(prev), 1e-12);
        CHECK_NEAR(row->next.noise, sqrt(1.0 - prev), 1e-12);
        assert_true(row->next.x == 0.0 && row->next.eps == 0.0);
        assert_int_equal(row->draws, i < 24);
    }
    drawing_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_every_timestep_it_is_ddpm_to_the_bit),
        cmocka_unit_test(it_takes_250_steps_unless_told_otherwise),
        cmocka_unit_test(renoise_noises_the_predicted_image_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
