/* SPDX-License-Identifier: MIT */
#include "diffusion/prediction.h"

#include <math.h>

#include "support/check.h"

static const um_prediction kinds[] = { UM_PREDICTION_EPSILON, UM_PREDICTION_V,
                                       UM_PREDICTION_SAMPLE };

/* A network that says exactly its training target gives the image and the noise back. */
static void the_target_leads_back_to_image_and_noise(void **state)
{
    (void)state;
    static const double bars[] = { 0.9999, 0.5, 4e-5 };
    const float x0[] = { -1.0f, 0.25f, 0.9f }, noise[] = { 0.3f, -2.0f, 1.1f };
    for (size_t k = 0; k < UM_COUNT(kinds); k++)
        for (size_t b = 0; b < UM_COUNT(bars); b++) {
            float target[3];
            um_prediction_target(kinds[k], bars[b], 3, x0, noise, target);
            const um_prediction_rule r = um_prediction_rule_at(kinds[k], bars[b]);
            for (int i = 0; i < 3; i++) {
                const double x = sqrt(bars[b]) * x0[i] + sqrt(1.0 - bars[b]) * noise[i];
                /* float targets, times 1/sqrt(bar) or 1/sqrt(1 - bar) at most */
                CHECK_NEAR(r.x0_x * x + r.x0_out * target[i], x0[i], 2e-5);
                CHECK_NEAR(r.eps_x * x + r.eps_out * target[i], noise[i], 2e-5);
            }
        }
}

static void the_target_may_lie_over_noise_or_image(void **state)
{
    (void)state;
    const float x0[] = { 0.5f, -0.5f }, noise[] = { 2.0f, 1.0f };
    float plain[2], over_x0[] = { 0.5f, -0.5f }, over_noise[] = { 2.0f, 1.0f };
    um_prediction_target(UM_PREDICTION_V, 0.3, 2, x0, noise, plain);
    um_prediction_target(UM_PREDICTION_V, 0.3, 2, over_x0, noise, over_x0);
    um_prediction_target(UM_PREDICTION_V, 0.3, 2, x0, over_noise, over_noise);
    assert_memory_equal(plain, over_x0, sizeof plain);
    assert_memory_equal(plain, over_noise, sizeof plain);
    CHECK_NEAR(plain[0], sqrt(0.3) * 2.0 - sqrt(0.7) * 0.5, 1e-6);
}

/* v is the only one of the three that tells both from pure noise and from a pure image. */
static void a_prediction_that_tells_nothing_is_refused(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    const double bars[] = { 0.5, 0.0 }, ones[] = { 0.5, 1.0 };
    assert_int_equal(um_prediction_check(&ctx, UM_PREDICTION_EPSILON, bars, 2), UM_BAD_ARG);
    assert_int_equal(um_prediction_check(&ctx, UM_PREDICTION_EPSILON, bars, 1), UM_OK);
    assert_int_equal(um_prediction_check(&ctx, UM_PREDICTION_SAMPLE, bars, 2), UM_OK);
    assert_int_equal(um_prediction_check(&ctx, UM_PREDICTION_SAMPLE, ones, 2), UM_BAD_ARG);
    assert_int_equal(um_prediction_check(&ctx, UM_PREDICTION_V, bars, 2), UM_OK);
    assert_int_equal(um_prediction_check(&ctx, UM_PREDICTION_V, ones, 2), UM_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_target_leads_back_to_image_and_noise),
        cmocka_unit_test(the_target_may_lie_over_noise_or_image),
        cmocka_unit_test(a_prediction_that_tells_nothing_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
