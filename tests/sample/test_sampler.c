/* SPDX-License-Identifier: MIT
 * Every sampler on data whose best denoiser is known: pixels N(m, s^2), independent. Then
 *     E[x_0 | x] = m + gain (x - sqrt(bar) m),  gain = sqrt(bar) s^2 / (bar s^2 + 1 - bar),
 * every step is affine in x, and mean and variance of the images follow from a recursion of two
 * numbers, here written down from the papers and not from the plan. */
#include <math.h>
#include <string.h>

#include "drawing.h"
#include "support/scratch.h"

enum { COUNT = 6, SIDE = 40, SIZE = SIDE * SIDE, ALL = COUNT * SIZE };

static const double mean = 0.3, deviation = 0.5;

struct moments { double mean, variance; };

static double gain_at(double bar)
{
    const double v = deviation * deviation;
    return sqrt(bar) * v / (bar * v + 1.0 - bar);
}

/* The exact denoiser, saying epsilon, v or x_0. */
struct exact { const um_schedule *schedule; um_prediction says; };

static um_status exact_predict(void *user, int n, const float *x, const double *t,
                               const int *labels, float *out)
{
    const struct exact *e = user;
    const double bar = e->schedule->alpha_bar[(int)*t], a = sqrt(bar), s = sqrt(1.0 - bar);
    const double gain = gain_at(bar);
    (void)labels;
    for (int k = 0; k < n * SIZE; k++) {
        const double x0 = mean + gain * ((double)x[k] - a * mean);
        const double eps = ((double)x[k] - a * x0) / s;
        const double says[] = { eps, a * eps - s * x0, x0 };
        out[k] = (float)says[e->says];
    }
    return UM_OK;
}

/* x_prev = of_x0 x_0 + of_x x + of_eps eps + sigma z between two levels. */
struct rule { double of_x0, of_x, of_eps, sigma; };

/* Ho et al. 2020, eq. 6 and 7, with alpha = bar / prev; algorithm 2: no noise at the end. */
static struct rule posterior(double bar, double prev, const um_sample_settings *s)
{
    const double alpha = bar / prev, beta = 1.0 - alpha;
    const double variance =
        s->variance == UM_VARIANCE_FIXED_LARGE ? beta : (1.0 - prev) / (1.0 - bar) * beta;
    return (struct rule){ .of_x0 = sqrt(prev) * beta / (1.0 - bar),
                          .of_x = sqrt(alpha) * (1.0 - prev) / (1.0 - bar),
                          .sigma = prev < 1.0 ? sqrt(variance) : 0.0 };
}

static struct rule renoise(double bar, double prev, const um_sample_settings *s)
{
    (void)bar, (void)s;
    return (struct rule){ .of_x0 = sqrt(prev), .sigma = sqrt(1.0 - prev) };
}

/* Song et al. 2021, eq. 12 and 16. */
static struct rule implicit(double bar, double prev, const um_sample_settings *s)
{
    const double sigma = s->eta * sqrt((1.0 - prev) / (1.0 - bar)) * sqrt(1.0 - bar / prev);
    return (struct rule){ .of_x0 = sqrt(prev), .of_eps = sqrt(1.0 - prev - sigma * sigma),
                          .sigma = sigma };
}

typedef struct rule rule_fn(double bar, double prev, const um_sample_settings *s);

/* x_0 = gain x + c and eps = (x - a x_0) / s are put into the rule: x_prev = p x + q + sigma z. */
static struct moments recursion(const drawing *d, rule_fn *rule)
{
    struct moments m = { 0.0, 1.0 };
    for (int i = 0; i < d->plan.steps; i++) {
        const double bar = d->plan.level[i].alpha_bar, prev = d->plan.level[i + 1].alpha_bar;
        const struct rule r = rule(bar, prev, &d->plan.settings);
        const double a = sqrt(bar), s = sqrt(1.0 - bar);
        const double gain = gain_at(bar), c = mean - gain * a * mean;
        const double p = r.of_x0 * gain + r.of_x + r.of_eps * (1.0 - a * gain) / s;
        const double q = r.of_x0 * c - r.of_eps * a * c / s;
        m.mean = p * m.mean + q;
        m.variance = p * p * m.variance + r.sigma * r.sigma;
    }
    return m;
}

static struct moments drawn(drawing *d, um_prediction says)
{
    static float x[ALL];
    struct exact exact = { &d->schedule, says };
    const um_denoiser model = { exact_predict, &exact };
    const um_sample_request r = { .h = SIDE, .w = SIDE, .c = 1, .count = COUNT };
    CHECK_OK(&d->ctx, um_sample_run(&d->ctx, &d->plan, &model, &r, x));
    double s1 = 0.0, s2 = 0.0;
    for (int k = 0; k < ALL; k++) s1 += x[k], s2 += (double)x[k] * x[k];
    return (struct moments){ s1 / ALL, s2 / ALL - s1 / ALL * (s1 / ALL) };
}

static const struct gaussian_case {
    const char *sampler;
    rule_fn *rule;
    double eta;
    um_variance variance;
    um_strided_rule strided;
    bool meets_data; /* with every step: the sampler's own limit is the data */
} cases[] = {
    { "ddpm", posterior, 0.0, UM_VARIANCE_FIXED_SMALL, UM_STRIDED_POSTERIOR, true },
    { "ddpm", posterior, 0.0, UM_VARIANCE_FIXED_LARGE, UM_STRIDED_POSTERIOR, true },
    { "strided", posterior, 0.0, UM_VARIANCE_FIXED_SMALL, UM_STRIDED_POSTERIOR, true },
    { "strided", renoise, 0.0, UM_VARIANCE_FIXED_SMALL, UM_STRIDED_RENOISE, false },
    { "ddim", implicit, 0.0, UM_VARIANCE_FIXED_SMALL, UM_STRIDED_POSTERIOR, true },
    { "ddim", implicit, 0.5, UM_VARIANCE_FIXED_SMALL, UM_STRIDED_POSTERIOR, true },
    { "ddim", implicit, 1.0, UM_VARIANCE_FIXED_SMALL, UM_STRIDED_POSTERIOR, true },
};

static um_sample_settings settings_of(const struct gaussian_case *k)
{
    um_sample_settings s = drawing_settings(k->sampler);
    s.clip_sample = false;
    s.eta = k->eta;
    s.variance = k->variance;
    s.strided_rule = k->strided;
    s.seed = 4;
    return s;
}

/* Four standard errors of the mean and the variance of ALL independent pixels. */
static void check_moments(const char *name, struct moments got, struct moments want)
{
    const double of_mean = 4.0 * sqrt(want.variance / ALL);
    const double of_variance = 4.0 * want.variance * sqrt(2.0 / ALL);
    if (!(fabs(got.mean - want.mean) <= of_mean + 1e-6 &&
          fabs(got.variance - want.variance) <= of_variance + 1e-6))
        fail_msg("%s: mean %g, variance %g (recursion: %g, %g)", name, got.mean, got.variance,
                 want.mean, want.variance);
}

static void mean_and_variance_are_those_of_the_recursion(void **state)
{
    (void)state;
    static const int steps[] = { 1, 2, 10, 50 };
    for (size_t i = 0; i < UM_COUNT(cases); i++)
        for (size_t k = 0; k < UM_COUNT(steps); k++)
            for (int spacing = UM_SPACING_LEADING; spacing <= UM_SPACING_QUADRATIC; spacing++) {
                um_sample_settings settings = settings_of(&cases[i]);
                settings.steps = steps[k];
                settings.spacing = (um_spacing)spacing;
                settings.prediction = (um_prediction)(k % 3);
                drawing d;
                drawing_open(&d, &settings, 1000);
                check_moments(cases[i].sampler, drawn(&d, settings.prediction),
                              recursion(&d, cases[i].rule));
                drawing_close(&d);
            }
}

static void with_every_step_the_images_are_the_data(void **state)
{
    (void)state;
    const double variance = deviation * deviation;
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        um_sample_settings settings = settings_of(&cases[i]);
        settings.steps = 1000;
        drawing d;
        drawing_open(&d, &settings, 1000);
        const struct moments want = recursion(&d, cases[i].rule);
        const struct moments got = drawn(&d, UM_PREDICTION_EPSILON);
        check_moments(cases[i].sampler, got, want);
        if (cases[i].meets_data) {
            CHECK_NEAR(got.mean, mean, 0.04 * mean);
            CHECK_NEAR(got.variance, variance, 0.04 * variance);
        }
        drawing_close(&d);
    }
}

static void every_sampler_is_found_by_its_name_alone(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    const um_sampler *found;
    for (const um_sampler *const *s = um_samplers; *s; s++) {
        CHECK_OK(&ctx, um_sampler_find(&ctx, (*s)->name, &found));
        assert_ptr_equal(found, *s);
        assert_ptr_equal(um_sampler_defaults(found).sampler, *s);
        assert_true((*s)->help[0] != '\0' && (*s)->history <= UM_HISTORY_MAX);
    }
    assert_int_equal(um_sampler_find(&ctx, "ddmp", &found), UM_BAD_ARG);
    assert_null(found);
    CHECK_TOLD(&ctx, "sample.sampler = ddmp is not known (ddpm, strided, ddim, ");
    for (const um_sampler *const *s = um_samplers; *s; s++) CHECK_TOLD(&ctx, (*s)->name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mean_and_variance_are_those_of_the_recursion),
        cmocka_unit_test(with_every_step_the_images_are_the_data),
        cmocka_unit_test(every_sampler_is_found_by_its_name_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
