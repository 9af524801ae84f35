/* SPDX-License-Identifier: MIT */
#include "diffusion/loss.h"

#include <math.h>

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

/* L_vlb is the sum of T terms, of which a training sees one: T of the mean. */
static void the_bound_counts_for_all_its_terms(void **state)
{
    (void)state;
    um_schedule s = { .timesteps = 250 };
    um_loss_settings loss = um_loss_defaults();
    assert_true(um_loss_bound_weight(&loss, &s) == 0);
    loss.variance = UM_VARIANCE_MODEL_LEARNED_RANGE;
    CHECK_NEAR(um_loss_bound_weight(&loss, &s), 0.25, 1e-15);
    loss.vlb_weight = 2;
    CHECK_NEAR(um_loss_bound_weight(&loss, &s), 500, 1e-12);
}

/* The image from the answer that a network without fault gives, and the posterior by hand. */
static void a_bound_s_row_says_what_its_term_needs(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    const um_schedule_settings settings = um_schedule_defaults();
    um_schedule s;
    CHECK_OK(&ctx, um_schedule_init(&ctx, &s, &settings));
    for (int t = 0; t < 1000; t += 333) {
        const double x0 = 0.3, eps = -1.2, bar = s.alpha_bar[t];
        const double xt = sqrt(bar) * x0 + sqrt(1 - bar) * eps;
        const double answers[] = { eps, sqrt(bar) * eps - sqrt(1 - bar) * x0, x0 };
        for (int k = 0; k < 3; k++) {
            double row[UM_BOUND_ROW];
            um_loss_bound_row(&s, (um_prediction)k, t, row);
            CHECK_NEAR(row[0] * xt + row[1] * answers[k], x0, 1e-10);
            const double before = t ? s.alpha_bar[t - 1] : 1;
            CHECK_NEAR(row[2], sqrt(before) * s.beta[t] / (1 - bar), 1e-12);
            CHECK_NEAR(exp(row[3]), s.beta[t], 1e-12);
            if (t) CHECK_NEAR(exp(row[4]), s.beta[t] * (1 - before) / (1 - bar), 1e-12);
            assert_true(row[5] == (t == 0));
        }
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
        cmocka_unit_test(the_bound_counts_for_all_its_terms),
        cmocka_unit_test(a_bound_s_row_says_what_its_term_needs),
        cmocka_unit_test(losses_have_their_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
