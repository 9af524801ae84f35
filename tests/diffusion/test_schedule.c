/* SPDX-License-Identifier: MIT */
#include "diffusion/schedule.h"

#include <math.h>
#include <string.h>

#include "support/golden.h"

/* What diffusers' arguments say, in our settings. */
static um_schedule_settings settings_of(um_ctx *ctx, json_t *config)
{
    um_schedule_settings s = um_schedule_defaults();
    const char *kind = json_string_value(json_object_get(config, "beta_schedule"));
    json_t *timesteps = json_object_get(config, "num_train_timesteps");
    CHECK_OK(ctx, um_choice_parse(ctx, um_schedule_kinds, "diffusion.schedule", kind, &s.kind));
    if (timesteps) s.timesteps = (int)json_integer_value(timesteps);
    s.zero_terminal_snr = json_is_true(json_object_get(config, "rescale_betas_zero_snr"));
    return s;
}

/* Within both: `relative` of each value, and `of_largest` of the table's largest. */
static void check_table(const char *name, json_t *want, const double *got, int count,
                        double relative, double of_largest)
{
    assert_int_equal(json_array_size(want), count);
    double largest = 0.0;
    for (int t = 0; t < count; t++)
        largest = fmax(largest, json_number_value(json_array_get(want, (size_t)t)));
    for (int t = 0; t < count; t++) {
        const double w = json_number_value(json_array_get(want, (size_t)t));
        const double miss = fabs(got[t] - w);
        if (!(miss <= relative * fabs(w) && miss <= of_largest * largest))
            fail_msg("%s at %d: diffusers %.9g, here %.9g", name, t, w, got[t]);
    }
}

/* diffusers computes in float32: 1e-6 of the largest and 2e-5 relative are what that leaves; the
 * betas with zero terminal SNR come from a difference of rounded roots: 2e-3. */
static void betas_and_alpha_bars_are_those_of_diffusers(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    json_t *file = golden_json("schedules.json"), *entry;
    const char *name;
    int seen = 0;
    json_object_foreach(file, name, entry) {
        const um_schedule_settings s = settings_of(&ctx, json_object_get(entry, "config"));
        um_schedule schedule;
        CHECK_OK(&ctx, um_schedule_init(&ctx, &schedule, &s));
        check_table(name, json_object_get(entry, "betas"), schedule.beta, schedule.timesteps,
                    s.zero_terminal_snr ? 2e-3 : 2e-5, s.zero_terminal_snr ? 2e-3 : 1e-6);
        if (!s.zero_terminal_snr)
            check_table(name, json_object_get(entry, "alphas_cumprod"), schedule.alpha_bar,
                        schedule.timesteps, 2e-5, 1e-6);
        um_schedule_free(&ctx, &schedule);
        seen++;
    }
    assert_int_equal(seen, 7);
    json_decref(file);
}

/* The posterior mean and variance follow from multiplying two Gaussians in x_{t-1}:
 * N(x_t; sqrt(alpha) x, beta) and N(x; sqrt(bar_prev) x_0, 1 - bar_prev). */
static void the_posterior_is_the_product_of_its_two_gaussians(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    static const um_schedule_kind kinds[] = { UM_SCHEDULE_LINEAR, UM_SCHEDULE_COSINE,
                                              UM_SCHEDULE_QUADRATIC, UM_SCHEDULE_SIGMOID };
    for (size_t i = 0; i < UM_COUNT(kinds); i++) {
        um_schedule_settings settings = um_schedule_defaults();
        settings.kind = kinds[i];
        settings.timesteps = 100;
        um_schedule s;
        CHECK_OK(&ctx, um_schedule_init(&ctx, &s, &settings));
        for (int t = 1; t < s.timesteps; t++) {
            const double prev = s.alpha_bar[t - 1];
            const double precision = s.alpha[t] / s.beta[t] + 1.0 / (1.0 - prev);
            CHECK_NEAR(s.variance[t] * precision, 1.0, 1e-9);
            CHECK_NEAR(s.mean_xt[t], sqrt(s.alpha[t]) / s.beta[t] / precision, 1e-9);
            CHECK_NEAR(s.mean_x0[t], sqrt(prev) / (1.0 - prev) / precision, 1e-9);
            CHECK_NEAR(s.log_variance[t], log(s.variance[t]), 1e-12);
        }
        CHECK_NEAR(s.mean_x0[0], 1.0, 1e-9);
        assert_true(s.mean_xt[0] == 0.0 && s.variance[0] == 0.0);
        assert_true(s.log_variance[0] == s.log_variance[1]);
        um_schedule_free(&ctx, &s);
    }
}

/* Lin et al. 2023: the last alpha_bar is 0, the first stays, the roots keep their proportions. */
static void zero_terminal_snr_ends_in_pure_noise(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    um_schedule_settings settings = um_schedule_defaults();
    um_schedule plain, zero;
    CHECK_OK(&ctx, um_schedule_init(&ctx, &plain, &settings));
    settings.zero_terminal_snr = true;
    CHECK_OK(&ctx, um_schedule_init(&ctx, &zero, &settings));
    assert_true(zero.alpha_bar[999] == 0.0);
    CHECK_NEAR(zero.alpha_bar[0], plain.alpha_bar[0], 1e-12);
    const double last = sqrt(plain.alpha_bar[999]), first = sqrt(plain.alpha_bar[0]);
    for (int t = 0; t < 1000; t++)
        CHECK_NEAR(sqrt(zero.alpha_bar[t]),
                   (sqrt(plain.alpha_bar[t]) - last) * first / (first - last), 1e-9);
    um_schedule_free(&ctx, &plain);
    um_schedule_free(&ctx, &zero);
}

static void given_betas_make_the_same_tables(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    um_schedule_settings settings = um_schedule_defaults();
    um_schedule a, b;
    for (int zero = 0; zero < 2; zero++) {
        settings = um_schedule_defaults();
        CHECK_OK(&ctx, um_schedule_init(&ctx, &a, &settings));
        settings.betas = a.beta;
        settings.beta_end = 0.5; /* counts no more */
        settings.zero_terminal_snr = zero;
        CHECK_OK(&ctx, um_schedule_init(&ctx, &b, &settings));
        assert_null(b.settings.betas);
        settings = um_schedule_defaults();
        settings.zero_terminal_snr = zero;
        um_schedule_free(&ctx, &a);
        CHECK_OK(&ctx, um_schedule_init(&ctx, &a, &settings));
        assert_memory_equal(a.alpha_bar, b.alpha_bar, 1000 * sizeof(double));
        assert_memory_equal(a.log_variance, b.log_variance, 1000 * sizeof(double));
        um_schedule_free(&ctx, &b);
        um_schedule_free(&ctx, &a);
    }
    static const double bad[][2] = { { 0.1, 0.0 }, { 0.1, 1.0 }, { -0.1, 0.1 }, { 0.1, NAN } };
    settings.timesteps = 2;
    for (size_t i = 0; i < UM_COUNT(bad); i++) {
        settings.betas = bad[i];
        assert_int_equal(um_schedule_init(&ctx, &b, &settings), UM_BAD_ARG);
    }
    assert_null(b.beta);
}

static void settings_out_of_range_are_refused(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    static const struct { um_schedule_settings s; const char *why; } cases[] = {
        { { UM_SCHEDULE_LINEAR, 0, 1e-4, 0.02, 0.008, 0.999, false }, "no timesteps" },
        { { UM_SCHEDULE_LINEAR, 2000000, 1e-4, 0.02, 0.008, 0.999, false }, "too many" },
        { { UM_SCHEDULE_LINEAR, 10, 0.0, 0.02, 0.008, 0.999, false }, "beta of 0" },
        { { UM_SCHEDULE_LINEAR, 10, 1e-4, 1.0, 0.008, 0.999, false }, "beta of 1" },
        { { UM_SCHEDULE_LINEAR, 10, NAN, 0.02, 0.008, 0.999, false }, "no number" },
        { { UM_SCHEDULE_COSINE, 10, 1e-4, 0.02, 0.0, 0.999, false }, "offset of 0" },
        { { UM_SCHEDULE_COSINE, 10, 1e-4, 0.02, 0.008, 1.0, false }, "cap of 1" },
        { { (um_schedule_kind)9, 10, 1e-4, 0.02, 0.008, 0.999, false }, "unknown kind" },
        { { UM_SCHEDULE_LINEAR, 1, 1e-4, 0.02, 0.008, 0.999, true }, "nothing to rescale" },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        um_schedule s;
        if (um_schedule_init(&ctx, &s, &cases[i].s) != UM_BAD_ARG) fail_msg("%s", cases[i].why);
        assert_null(s.beta);
    }
}

static void one_timestep_is_enough(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    for (int kind = UM_SCHEDULE_LINEAR; kind <= UM_SCHEDULE_SIGMOID; kind++) {
        um_schedule_settings settings = um_schedule_defaults();
        settings.kind = (um_schedule_kind)kind;
        settings.timesteps = 1;
        um_schedule s;
        CHECK_OK(&ctx, um_schedule_init(&ctx, &s, &settings));
        assert_true(isfinite(s.alpha_bar[0]) && isfinite(s.mean_x0[0]));
        assert_true(isfinite(s.log_variance[0]));
        um_schedule_free(&ctx, &s);
    }
}

/* Half way sigma is the mean of both; the whole timesteps are the table's own numbers. */
static void between_timesteps_sigma_is_a_straight_line(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    const um_schedule_settings settings = um_schedule_defaults();
    um_schedule s;
    CHECK_OK(&ctx, um_schedule_init(&ctx, &s, &settings));
    for (int t = 0; t < 1000; t++) assert_true(um_schedule_alpha_bar_at(&s, t) == s.alpha_bar[t]);
    const double want = (um_sigma_of(s.alpha_bar[700]) + um_sigma_of(s.alpha_bar[701])) / 2;
    CHECK_NEAR(um_sigma_of(um_schedule_alpha_bar_at(&s, 700.5)), want, 1e-12 * want);
    um_schedule_free(&ctx, &s);
}

static void the_timestep_of_a_sigma_is_found_again(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    um_schedule_settings settings = um_schedule_defaults();
    settings.zero_terminal_snr = true;
    um_schedule s;
    CHECK_OK(&ctx, um_schedule_init(&ctx, &s, &settings));
    for (int t = 0; t < 1000; t++)
        CHECK_NEAR(um_schedule_timestep_at(&s, um_sigma_of(s.alpha_bar[t])), t, 1e-7);
    const double a = um_sigma_of(s.alpha_bar[3]), b = um_sigma_of(s.alpha_bar[4]);
    CHECK_NEAR(um_schedule_timestep_at(&s, sqrt(a * b)), 3.5, 1e-9);
    assert_true(um_schedule_timestep_at(&s, 0.0) == 0.0);
    assert_true(um_schedule_timestep_at(&s, 1e9) == 999.0);
    um_schedule_free(&ctx, &s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(betas_and_alpha_bars_are_those_of_diffusers),
        cmocka_unit_test(the_posterior_is_the_product_of_its_two_gaussians),
        cmocka_unit_test(zero_terminal_snr_ends_in_pure_noise),
        cmocka_unit_test(given_betas_make_the_same_tables),
        cmocka_unit_test(settings_out_of_range_are_refused),
        cmocka_unit_test(one_timestep_is_enough),
        cmocka_unit_test(between_timesteps_sigma_is_a_straight_line),
        cmocka_unit_test(the_timestep_of_a_sigma_is_found_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
