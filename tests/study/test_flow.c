/* SPDX-License-Identifier: MIT */
#include "study/flow.h"

#include <string.h>

#include "gaussian.h"

enum { N = 40 };

static const um_ode_settings close = { .integrator = UM_INTEGRATOR_ADAPTIVE, .rtol = 1e-7,
                                       .atol = 1e-7 };
static const uint64_t numbers[N] = { 0 };

static void density(gaussian *g, const um_ode_settings *ode, int n, const double *x, double *out,
                    int *calls)
{
    const um_traced_model model = gaussian_traced(g);
    const um_flow flow = { .schedule = &g->schedule, .prediction = g->prediction, .model = &model,
                           .size = GAUSSIAN_SIZE, .ode = *ode };
    CHECK_OK(&g->ctx, um_flow_log_density(&g->ctx, &flow, n, numbers, x, NULL, out, calls));
}

static double log_normal(double x, double mean, double variance)
{
    const double d = x - mean;
    return -0.5 * (d * d / variance + log(2 * M_PI * variance));
}

static void the_likelihood_of_a_gaussian_is_the_closed_form_to_one_percent(void **state)
{
    (void)state;
    for (um_prediction p = UM_PREDICTION_EPSILON; p <= UM_PREDICTION_SAMPLE; p++) {
        gaussian g;
        double x[N * GAUSSIAN_SIZE], got[N], sum = 0, wanted = 0;
        int calls[N];
        gaussian_open(&g, p);
        gaussian_draw(&g, N, x);
        density(&g, &(um_ode_settings){ UM_INTEGRATOR_ADAPTIVE, 0, 1e-5, 1e-5 }, N, x, got, calls);
        for (int i = 0; i < N; i++) {
            sum += got[i];
            for (int k = 0; k < GAUSSIAN_SIZE; k++)
                wanted += log_normal(x[i * GAUSSIAN_SIZE + k], g.mean[k],
                                     g.deviation[k] * g.deviation[k]);
        }
        CHECK_NEAR(sum / N, wanted / N, 0.01 * fabs(wanted / N));
        gaussian_close(&g);
    }
}

/* For normal data the flow is affine in each element: x_T = alpha_T m + sqrt(v_T / v_0)
 * (x_0 - alpha_0 m). What is left is float in the model's answers. */
static void each_image_has_the_density_of_its_affine_flow(void **state)
{
    (void)state;
    for (um_prediction p = UM_PREDICTION_EPSILON; p <= UM_PREDICTION_SAMPLE; p++) {
        gaussian g;
        double x[N * GAUSSIAN_SIZE], got[N];
        int calls[N];
        gaussian_open(&g, p);
        gaussian_draw(&g, N, x);
        density(&g, &close, N, x, got, calls);
        const double first = g.schedule.alpha_bar[0], last = g.schedule.alpha_bar[999];
        for (int i = 0; i < N; i++) {
            double wanted = 0;
            for (int k = 0; k < GAUSSIAN_SIZE; k++) {
                const double s2 = g.deviation[k] * g.deviation[k];
                const double stretch =
                    sqrt((last * s2 + 1 - last) / (first * s2 + 1 - first)) * sqrt(first);
                const double end = sqrt(last) * g.mean[k] +
                                   stretch * (x[i * GAUSSIAN_SIZE + k] - g.mean[k]);
                wanted += log_normal(end, 0, 1) + log(stretch);
            }
            CHECK_NEAR(got[i], wanted, 2e-4);
        }
        gaussian_close(&g);
    }
}

static void fixed_steps_come_to_the_same_density(void **state)
{
    (void)state;
    static const struct { um_ode_settings ode; double tolerance; int calls; } cases[] = {
        { { .integrator = UM_INTEGRATOR_RK4, .steps = 50 }, 1e-3, 200 },
        { { .integrator = UM_INTEGRATOR_HEUN, .steps = 200 }, 1e-2, 400 },
    };
    gaussian g;
    double x[N * GAUSSIAN_SIZE], wanted[N], got[N];
    int calls[N];
    gaussian_open(&g, UM_PREDICTION_EPSILON);
    gaussian_draw(&g, N, x);
    density(&g, &close, N, x, wanted, calls);
    for (size_t c = 0; c < UM_COUNT(cases); c++) {
        density(&g, &cases[c].ode, N, x, got, calls);
        for (int i = 0; i < N; i++) {
            CHECK_NEAR(got[i], wanted[i], cases[c].tolerance);
            assert_int_equal(calls[i], cases[c].calls);
        }
    }
    gaussian_close(&g);
}

static void an_image_has_the_same_bits_in_every_batch(void **state)
{
    (void)state;
    gaussian g;
    double x[N * GAUSSIAN_SIZE], all[N], one;
    int calls[N], calls_of_one;
    gaussian_open(&g, UM_PREDICTION_V);
    gaussian_draw(&g, N, x);
    density(&g, &close, N, x, all, calls);
    for (int i = 0; i < N; i += 13) {
        density(&g, &close, 1, x + i * GAUSSIAN_SIZE, &one, &calls_of_one);
        assert_true(one == all[i]);
        assert_int_equal(calls_of_one, calls[i]);
    }
    gaussian_close(&g);
}

static void a_schedule_without_signal_at_the_end_has_one_too(void **state)
{
    (void)state;
    gaussian g;
    um_schedule_settings s = um_schedule_defaults();
    s.zero_terminal_snr = true;
    double x[N * GAUSSIAN_SIZE], got[N];
    int calls[N];
    gaussian_open_schedule(&g, UM_PREDICTION_V, &s);
    gaussian_draw(&g, N, x);
    density(&g, &close, N, x, got, calls);
    for (int i = 0; i < N; i++) assert_true(isfinite(got[i]));
    gaussian_close(&g);
}

static void one_timestep_is_no_way(void **state)
{
    (void)state;
    gaussian g;
    um_schedule_settings s = um_schedule_defaults();
    s.timesteps = 1;
    gaussian_open_schedule(&g, UM_PREDICTION_EPSILON, &s);
    const um_traced_model model = gaussian_traced(&g);
    const um_flow flow = { .schedule = &g.schedule, .model = &model, .size = 1, .ode = close };
    const double x = 0;
    double out;
    int calls;
    assert_int_equal(um_flow_log_density(&g.ctx, &flow, 1, numbers, &x, NULL, &out, &calls),
                     UM_BAD_ARG);
    assert_non_null(strstr(g.ctx.message, "diffusion.timesteps = 1"));
    gaussian_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_likelihood_of_a_gaussian_is_the_closed_form_to_one_percent),
        cmocka_unit_test(each_image_has_the_density_of_its_affine_flow),
        cmocka_unit_test(fixed_steps_come_to_the_same_density),
        cmocka_unit_test(an_image_has_the_same_bits_in_every_batch),
        cmocka_unit_test(a_schedule_without_signal_at_the_end_has_one_too),
        cmocka_unit_test(one_timestep_is_no_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
