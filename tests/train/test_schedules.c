/* SPDX-License-Identifier: MIT */
#include "train/schedules.h"

#include "support/check.h"

#include <math.h>

/* What diffusers 0.42's get_scheduler gives for a learning rate of 1, step by step. */
static const struct lr_case {
    int steps, warmup;
    um_lr_schedule kind;
    double lr[10];
    const char *why;
} lr_cases[] = {
    { 10, 3, UM_LR_CONSTANT, { 0, 1. / 3, 2. / 3, 1, 1, 1, 1, 1, 1, 1 }, "warm-up, then flat" },
    { 10, 3, UM_LR_LINEAR,
      { 0, 0.3333333333333333, 0.6666666666666666, 1, 0.8571428571428571, 0.7142857142857143,
        0.5714285714285714, 0.4285714285714285, 0.2857142857142857, 0.1428571428571428 },
      "the way down begins behind the warm-up" },
    { 10, 3, UM_LR_COSINE,
      { 0, 0.3333333333333333, 0.6666666666666666, 1, 0.9504844339512095, 0.8117449009293668,
        0.6112604669781572, 0.3887395330218428, 0.1882550990706333, 0.04951556604879048 },
      "half a cosine" },
    { 6, 0, UM_LR_CONSTANT, { 1, 1, 1, 1, 1, 1 }, "no warm-up" },
    { 6, 0, UM_LR_LINEAR,
      { 1, 0.8333333333333334, 0.6666666666666666, 0.5, 0.3333333333333333, 0.1666666666666667 },
      "no warm-up" },
    { 6, 0, UM_LR_COSINE,
      { 1, 0.9330127018922194, 0.75, 0.5, 0.2500000000000001, 0.06698729810778065 },
      "no warm-up" },
    { 4, 9, UM_LR_CONSTANT, { 0, 1. / 9, 2. / 9, 3. / 9 }, "a warm-up that does not end" },
    { 4, 9, UM_LR_LINEAR, { 0, 1. / 9, 2. / 9, 3. / 9 }, "a warm-up that does not end" },
    { 4, 9, UM_LR_COSINE, { 0, 1. / 9, 2. / 9, 3. / 9 }, "a warm-up that does not end" },
    { 4, 4, UM_LR_LINEAR, { 0, 0.25, 0.5, 0.75 }, "a warm-up as long as the run" },
    { 4, 4, UM_LR_COSINE, { 0, 0.25, 0.5, 0.75 }, "a warm-up as long as the run" },
    { 5, 1, UM_LR_COSINE, { 0, 1, 0.8535533905932737, 0.5, 0.1464466094067263 }, "one step of it" },
    { 1, 0, UM_LR_COSINE, { 1 }, "a single step" },
};

static void the_learning_rate_is_diffusers_s(void **state)
{
    (void)state;
    for (size_t i = 0; i < UM_COUNT(lr_cases); i++) {
        const struct lr_case *k = &lr_cases[i];
        const um_train_settings s = { .steps = k->steps, .warmup = k->warmup, .lr = 2e-4,
                                      .lr_schedule = k->kind };
        print_message("%s, %d of %d: %s\n", um_choice_name(um_lr_schedules, (int)k->kind),
                      k->warmup, k->steps, k->why);
        for (int step = 0; step < k->steps; step++)
            CHECK_NEAR(um_lr_at(&s, step), 2e-4 * k->lr[step], 1e-18);
    }
}

/* Also where no step is left to divide by, and behind the last one. */
static void the_learning_rate_is_finite_everywhere(void **state)
{
    (void)state;
    const int lengths[] = { 0, 1, 2, 5 };
    for (int kind = 0; kind < 3; kind++)
        for (size_t n = 0; n < UM_COUNT(lengths); n++)
            for (size_t w = 0; w < UM_COUNT(lengths); w++) {
                const um_train_settings s = { .steps = lengths[n], .warmup = lengths[w], .lr = 1,
                                              .lr_schedule = (um_lr_schedule)kind };
                for (int step = 0; step < 12; step++) {
                    const double lr = um_lr_at(&s, step);
                    assert_true(lr >= 0 && lr <= 1);
                }
            }
}

/* diffusers' EMAModel.get_decay with use_ema_warmup. */
static void the_average_s_decay_grows_as_diffusers_lets_it(void **state)
{
    (void)state;
    const int64_t at[] = { 1, 2, 3, 10, 100, 100000 };
    static const struct {
        double decay, inv_gamma, power, expected[6];
    } cases[] = {
        { 0.9999, 1, 0.75,
          { 0, 0.4053964424986395, 0.5613086623491692, 0.8221720589961077, 0.9683772233983162,
            0.9998221720589962 } },
        { 0.9, 1, 2. / 3, { 0, 0.3700394750525634, 0.5192501432308638, 0.7845565309968117, 0.9,
                            0.9 } },
        { 0.5, 10, 1, { 0, 0.09090909090909094, 0.16666666666666663, 0.4736842105263158, 0.5,
                        0.5 } },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        const um_train_settings s = { .ema_decay = cases[i].decay, .ema_warmup = true,
                                      .ema_inv_gamma = cases[i].inv_gamma,
                                      .ema_power = cases[i].power };
        for (size_t k = 0; k < UM_COUNT(at); k++)
            CHECK_NEAR(um_ema_decay_at(&s, at[k]), cases[i].expected[k], 1e-15);
    }
}

/* The first step makes the average the weights: what they were before was chance. */
static void without_warm_up_the_decay_is_constant_but_for_the_first_step(void **state)
{
    (void)state;
    const um_train_settings s = { .ema_decay = 0.995 };
    assert_true(um_ema_decay_at(&s, 0) == 0);
    assert_true(um_ema_decay_at(&s, 1) == 0);
    for (int64_t step = 2; step < 50; step++) assert_true(um_ema_decay_at(&s, step) == 0.995);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_learning_rate_is_diffusers_s),
        cmocka_unit_test(the_learning_rate_is_finite_everywhere),
        cmocka_unit_test(the_average_s_decay_grows_as_diffusers_lets_it),
        cmocka_unit_test(without_warm_up_the_decay_is_constant_but_for_the_first_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
