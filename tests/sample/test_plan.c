/* SPDX-License-Identifier: MIT */
#include "sample/plan.h"

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "drawing.h"

static void keep_line(void *user, const char *line)
{
    um_text_add(user, "%s", line);
}

/* The whole table of two steps, with betas of 1/2: numbers that can be worked by hand. */
static void explain_prints_one_line_a_row(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    um_schedule_settings ss = um_schedule_defaults();
    ss.timesteps = 3;
    ss.beta_start = ss.beta_end = 0.5;
    um_schedule s;
    CHECK_OK(&ctx, um_schedule_init(&ctx, &s, &ss));
    um_sample_settings settings = drawing_settings("ddim");
    settings.steps = 2;
    settings.eta = 1.0;
    settings.spacing = UM_SPACING_TRAILING;
    um_plan p;
    CHECK_OK(&ctx, um_plan_init(&ctx, &p, &settings, &s));
    um_text text = { .ctx = &ctx };
    um_plan_explain(&p, keep_line, &text);
    CHECK_OK(&ctx, text.status);
    /* bar: 1/2 1/4 1/8. 2 -> 1: sigma^2 = (3/4)/(7/8) (1 - 1/2) = 3/7, eps sqrt(3/4 - 3/7). */
    assert_string_equal(text.data,
        " step         t    t_prev    alpha_bar alpha_bar_prev       sigma           x          x0"
        "         eps\n"
        "    0         2         1        0.125           0.25     0.65465           0         0.5"
        "     0.56695\n"
        "    1         1        -1         0.25              1           0           0           1"
        "           0\n");
    um_text_free(&text);
    um_plan_free(&ctx, &p);
    um_schedule_free(&ctx, &s);
}

static void the_rows_follow_the_list(void **state)
{
    (void)state;
    um_sample_settings settings = drawing_settings("ddpm");
    settings.steps = 7;
    settings.spacing = UM_SPACING_LINSPACE;
    drawing d;
    drawing_open(&d, &settings, 100);
    assert_int_equal(d.plan.rows, 7);
    assert_int_equal(d.plan.steps, 7);
    assert_true(d.plan.init_scale == 1.0);
    for (int i = 0; i < 7; i++) {
        const um_row *row = &d.plan.row[i];
        assert_int_equal(row->step, i);
        assert_true(row->asks && row->scale == 1.0 && !row->keeps);
        assert_true(row->t == d.plan.level[i].t);
        assert_true(row->t_prev == (i < 6 ? d.plan.level[i + 1].t : -1));
        assert_true(row->alpha_bar == d.schedule.alpha_bar[(int)d.plan.level[i].t]);
        assert_true(row->alpha_bar_prev == (i < 6 ? d.plan.row[i + 1].alpha_bar : 1.0));
    }
    drawing_close(&d);
}

static void settings_out_of_range_are_refused(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    const um_schedule_settings ss = um_schedule_defaults();
    um_schedule s;
    CHECK_OK(&ctx, um_schedule_init(&ctx, &s, &ss));
    const um_sample_settings good = drawing_settings("ddpm");
    um_sample_settings bad[7] = { good, good, good, good, good, good, good };
    bad[0].clip_sample_range = 0.0;
    bad[1].clip_sample_range = NAN;
    bad[2].dynamic_thresholding_ratio = 1.5;
    bad[3].dynamic_thresholding_ratio = 0.0;
    bad[4].sample_max_value = 0.5;
    bad[5].sampler = NULL;
    bad[6].steps = 1001;
    for (size_t i = 0; i < UM_COUNT(bad); i++) {
        um_plan p;
        if (um_plan_init(&ctx, &p, &bad[i], &s) != UM_BAD_ARG) fail_msg("case %zu is accepted", i);
        assert_null(p.row);
        assert_null(p.level);
    }
    const double up[] = { 1, 2 };
    um_plan p;
    assert_int_equal(um_plan_init_list(&ctx, &p, &good, &s, up, 2), UM_BAD_ARG);
    um_schedule_free(&ctx, &s);
}

/* trailing and linspace start at T-1, where a zero-SNR schedule has pure noise. */
static void epsilon_from_pure_noise_is_refused(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    um_schedule_settings ss = um_schedule_defaults();
    ss.zero_terminal_snr = true;
    um_schedule s;
    CHECK_OK(&ctx, um_schedule_init(&ctx, &s, &ss));
    um_sample_settings settings = drawing_settings("ddim");
    settings.steps = 10;
    settings.spacing = UM_SPACING_TRAILING;
    um_plan p;
    assert_int_equal(um_plan_init(&ctx, &p, &settings, &s), UM_BAD_ARG);
    settings.prediction = UM_PREDICTION_V;
    CHECK_OK(&ctx, um_plan_init(&ctx, &p, &settings, &s));
    um_plan_free(&ctx, &p);
    um_schedule_free(&ctx, &s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(explain_prints_one_line_a_row),
        cmocka_unit_test(the_rows_follow_the_list),
        cmocka_unit_test(settings_out_of_range_are_refused),
        cmocka_unit_test(epsilon_from_pure_noise_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
