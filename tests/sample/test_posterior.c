/* SPDX-License-Identifier: MIT */
#include "sample/posterior.h"

#include <math.h>
#include <string.h>

#include "base/random.h"
#include "drawing.h"
#include "trajectory.h"

enum { COUNT = 5, SIZE = 4 * 4 * 3, STEPS = 12, T = 200 };

/* The golden files' model, which says a variance too: that of *user, or one that hangs on the
 * number, the place and the time. */
static um_status say_both(void *user, int n, const float *x, const double *t, const int *labels,
                          float *out)
{
    const um_denoiser plain = trajectory_model();
    const double *v = user;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < SIZE; k++) {
            const double at = (double)x[i * SIZE + k];
            out[(n + i) * SIZE + k] = (float)(v ? *v : sin(3 * at + 0.2 * k + t[i] / 50));
        }
    return plain.predict(plain.user, n, x, t, labels, out);
}

static um_denoiser learned(double *v)
{
    return (um_denoiser){ .predict = say_both, .user = v, .learns_variance = true };
}

static um_sample_settings settings_of(const char *sampler, um_variance variance)
{
    um_sample_settings s = drawing_settings(sampler);
    s.steps = STEPS;
    s.variance = variance;
    s.seed = 3;
    return s;
}

static void draw(const um_sample_settings *settings, const um_denoiser *model, int batch,
                 float *out)
{
    const um_sample_request r = { .h = 4, .w = 4, .c = 3, .count = COUNT, .batch = batch };
    drawing d;
    drawing_open(&d, settings, T);
    CHECK_OK(&d.ctx, um_sample_run(&d.ctx, &d.plan, model, &r, out));
    drawing_close(&d);
}

static const char *const samplers[] = { "ddpm", "strided" };

/* sigma^2 = beta^f small^(1 - f), where v goes from -1 to 1 as f from 0 to 1. */
static void noise_is_scaled_by_what_the_model_says_of_each_number(void **state)
{
    (void)state;
    for (int s = 0; s < 2; s++) {
        const um_sample_settings settings =
            settings_of(samplers[s], UM_VARIANCE_LEARNED_RANGE);
        drawing d;
        drawing_open(&d, &settings, T);
        for (int i = 0; i < d.plan.rows - 1; i++) {
            const um_row *row = &d.plan.row[i];
            const double bar = row->alpha_bar, prev = row->alpha_bar_prev, beta = 1 - bar / prev;
            const double small = beta * (1 - prev) / (1 - bar);
            const float v[] = { -1, -0.5F, 0, 1, 1.5F };
            const double f[] = { 0, 0.25, 0.5, 1, 1.25 };
            const double x[] = { 1, 2, 3, 4, 5 }, x0[] = { -1, 1, 0, 0.5, -0.5 },
                         z[] = { 1, -1, 2, -3, 0.5 };
            double out[5];
            settings.sampler->step(&(um_step){ .row = row, .n = 5, .size = 5, .x = x, .x0 = x0,
                                               .eps = x0, .noise = z, .v = v, .out = out });
            for (int k = 0; k < 5; k++) {
                const double sigma = pow(beta, f[k] / 2) * pow(small, (1 - f[k]) / 2);
                CHECK_NEAR(out[k], row->next.x * x[k] + row->next.x0 * x0[k] + sigma * z[k],
                           1e-12);
            }
        }
        drawing_close(&d);
    }
}

static void the_ends_of_the_range_are_the_fixed_variances(void **state)
{
    (void)state;
    for (int s = 0; s < 2; s++)
        for (int rng = UM_RNG_PHILOX; rng <= UM_RNG_TORCH; rng++)
            for (int large = 0; large < 2; large++) {
                double v = large ? 1 : -1;
                float fixed[COUNT * SIZE], range[COUNT * SIZE];
                const um_denoiser plain = trajectory_model(), model = learned(&v);
                um_sample_settings settings = settings_of(
                    samplers[s], large ? UM_VARIANCE_FIXED_LARGE : UM_VARIANCE_FIXED_SMALL);
                settings.rng = (um_rng)rng;
                draw(&settings, &plain, 0, fixed);
                settings.variance = UM_VARIANCE_LEARNED_RANGE;
                draw(&settings, &model, 0, range);
                for (int k = 0; k < COUNT * SIZE; k++) CHECK_NEAR(range[k], fixed[k], 1e-5);
            }
}

/* As in diffusers: what the model says is the variance. Below nothing there is none. */
static void a_learned_variance_is_taken_as_it_is_said(void **state)
{
    (void)state;
    const um_row row = { .variance = UM_VARIANCE_LEARNED, .next = { .x = 1 } };
    const float v[] = { 0.25F, 4, 0, -1 };
    const double x[] = { 1, 1, 1, 1 }, z[] = { 1, 1, 1, 1 }, want[] = { 1.5, 3, 1, 1 };
    double out[4];
    um_posterior_step(&(um_step){ .row = &row, .n = 4, .size = 4, .x = x, .noise = z, .v = v,
                                  .out = out });
    for (int k = 0; k < 4; k++) CHECK_NEAR(out[k], want[k], 1e-9);
}

static void an_image_does_not_depend_on_the_batch(void **state)
{
    (void)state;
    const um_denoiser model = learned(NULL);
    for (int s = 0; s < 2; s++) {
        const um_sample_settings settings =
            settings_of(samplers[s], UM_VARIANCE_LEARNED_RANGE);
        float all[COUNT * SIZE], some[COUNT * SIZE];
        draw(&settings, &model, 0, all);
        for (int batch = 1; batch < COUNT; batch++) {
            draw(&settings, &model, batch, some);
            assert_memory_equal(some, all, sizeof all);
        }
    }
}

static void every_other_sampler_passes_over_the_variance(void **state)
{
    (void)state;
    const um_denoiser plain = trajectory_model(), model = learned(NULL);
    for (int i = 0; um_samplers[i]; i++) {
        float without[COUNT * SIZE], with[COUNT * SIZE];
        um_sample_settings settings =
            settings_of(um_samplers[i]->name, UM_VARIANCE_FIXED_SMALL);
        settings.eta = 1;
        draw(&settings, &plain, 0, without);
        draw(&settings, &model, 2, with);
        assert_memory_equal(with, without, sizeof with);
        settings.variance = UM_VARIANCE_LEARNED_RANGE;
        draw(&settings, &model, 0, with);
        const bool own = strcmp(um_samplers[i]->name, "ddpm") == 0 ||
                         strcmp(um_samplers[i]->name, "strided") == 0;
        assert_int_equal(memcmp(with, without, sizeof with) != 0, own);
    }
}

static void a_model_that_says_no_variance_is_refused(void **state)
{
    (void)state;
    for (int s = 0; s < 2; s++)
        for (int v = UM_VARIANCE_LEARNED_RANGE; v <= UM_VARIANCE_LEARNED; v++) {
            const um_sample_settings settings = settings_of(samplers[s], (um_variance)v);
            const um_sample_request r = { .h = 4, .w = 4, .c = 3, .count = 1 };
            const um_denoiser plain = trajectory_model();
            float out[SIZE];
            drawing d;
            drawing_open(&d, &settings, T);
            assert_int_equal(um_sample_run(&d.ctx, &d.plan, &plain, &r, out), UM_BAD_ARG);
            assert_non_null(strstr(d.ctx.message, um_choice_name(um_variances, v)));
            assert_non_null(strstr(d.ctx.message, "does not say its variance"));
            drawing_close(&d);
        }
}

static um_status say_nonsense(void *user, int n, const float *x, const double *t,
                              const int *labels, float *out)
{
    const um_status status = say_both(user, n, x, t, labels, out);
    out[(2 * n - 1) * SIZE + 7] = NAN;
    return status;
}

static void a_variance_gone_bad_names_its_image(void **state)
{
    (void)state;
    const um_sample_settings settings = settings_of("ddpm", UM_VARIANCE_LEARNED_RANGE);
    const um_sample_request r = { .h = 4, .w = 4, .c = 3, .count = 3 };
    const um_denoiser model = { .predict = say_nonsense, .learns_variance = true };
    float out[3 * SIZE];
    drawing d;
    drawing_open(&d, &settings, T);
    assert_int_equal(um_sample_run(&d.ctx, &d.plan, &model, &r, out), UM_NOT_FINITE);
    assert_non_null(strstr(d.ctx.message, "the model's variance is not finite in image 2"));
    drawing_close(&d);
}

static void put_line(void *user, const char *line) { strcat(user, line); }

static void the_table_says_that_it_is_learned(void **state)
{
    (void)state;
    const um_sample_settings settings = settings_of("ddpm", UM_VARIANCE_LEARNED_RANGE);
    char text[4096] = "";
    drawing d;
    drawing_open(&d, &settings, T);
    um_plan_explain(&d.plan, put_line, text);
    int told = 0;
    for (const char *at = text; (at = strstr(at, "learned")); at++) told++;
    assert_int_equal(told, STEPS - 1); /* the last step draws nothing */
    drawing_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(noise_is_scaled_by_what_the_model_says_of_each_number),
        cmocka_unit_test(the_ends_of_the_range_are_the_fixed_variances),
        cmocka_unit_test(a_learned_variance_is_taken_as_it_is_said),
        cmocka_unit_test(an_image_does_not_depend_on_the_batch),
        cmocka_unit_test(every_other_sampler_passes_over_the_variance),
        cmocka_unit_test(a_model_that_says_no_variance_is_refused),
        cmocka_unit_test(a_variance_gone_bad_names_its_image),
        cmocka_unit_test(the_table_says_that_it_is_learned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
