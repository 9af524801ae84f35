/* SPDX-License-Identifier: MIT */
#include "diffusion/loss.h"

#include "support/check.h"

static void the_simple_loss_counts_every_image_alike(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    const um_schedule_settings settings = um_schedule_defaults();
    um_schedule s;
    CHECK_OK(&ctx, um_schedule_init(&ctx, &s, &settings));
    const um_loss_settings loss = um_loss_defaults();
    assert_int_equal(loss.kind, UM_LOSS_MSE);
    for (int t = 0; t < 1000; t += 111)
        assert_true(um_loss_weight(&loss, &s, UM_PREDICTION_EPSILON, t) == 1.0);
    um_schedule_free(&ctx, &s);
}

/* Hang et al. 2023, section 3.3: min(SNR, gamma) over SNR, over SNR + 1, and as it is. */
static void min_snr_weighs_the_same_loss_on_the_image(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    const um_schedule_settings settings = um_schedule_defaults();
    um_schedule s;
    CHECK_OK(&ctx, um_schedule_init(&ctx, &s, &settings));
    um_loss_settings loss = um_loss_defaults();
    loss.weighting = UM_WEIGHTING_MIN_SNR;
    for (int t = 0; t < 1000; t += 37) {
        const double snr = s.alpha_bar[t] / (1.0 - s.alpha_bar[t]);
        const double kept = snr < 5.0 ? snr : 5.0;
        CHECK_NEAR(um_loss_weight(&loss, &s, UM_PREDICTION_EPSILON, t), kept / snr, 1e-12);
        CHECK_NEAR(um_loss_weight(&loss, &s, UM_PREDICTION_V, t), kept / (snr + 1.0), 1e-12);
        CHECK_NEAR(um_loss_weight(&loss, &s, UM_PREDICTION_SAMPLE, t), kept, 1e-12);
    }
    um_schedule_free(&ctx, &s);
}

static void losses_have_their_names(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    static const struct { const char *name; um_loss_kind kind; } cases[] = {
        { "mse", UM_LOSS_MSE }, { "l2", UM_LOSS_MSE }, { "l1", UM_LOSS_L1 },
        { "huber", UM_LOSS_HUBER },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        um_loss_kind kind;
        CHECK_OK(&ctx, um_choice_parse(&ctx, um_loss_kinds, "loss", cases[i].name, &kind));
        assert_int_equal(kind, cases[i].kind);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_simple_loss_counts_every_image_alike),
        cmocka_unit_test(min_snr_weighs_the_same_loss_on_the_image),
        cmocka_unit_test(losses_have_their_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
