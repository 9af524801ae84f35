/* SPDX-License-Identifier: MIT */
#include "study/bound.h"

#include <string.h>

#include "gaussian.h"

enum { N = 400, T = 60 };

typedef struct subject {
    gaussian g;
    um_sample_settings sample;
    float x0[N * GAUSSIAN_SIZE];
    uint64_t number[N];
    um_bound_parts parts[N];
    um_bound_term term[T];
} subject;

static void open_subject(subject *s, um_prediction prediction, um_variance variance)
{
    um_schedule_settings settings = um_schedule_defaults();
    settings.timesteps = T;
    settings.beta_end = 0.3;
    double *x = test_calloc(N * GAUSSIAN_SIZE, sizeof *x);
    memset(s, 0, sizeof *s);
    gaussian_open_schedule(&s->g, prediction, &settings);
    gaussian_draw(&s->g, N, x);
    for (int i = 0; i < N * GAUSSIAN_SIZE; i++) s->x0[i] = (float)x[i];
    for (int i = 0; i < N; i++) s->number[i] = (uint64_t)i;
    s->sample = (um_sample_settings){ .prediction = prediction, .variance = variance };
    test_free(x);
}

/* A variance that hangs on the element alone. */
static double range_of(int k) { return 0.3 - 0.2 * (k % 5); }

static um_status say_both(void *user, int n, const float *x, const double *t, const int *labels,
                          float *out)
{
    for (int k = 0; k < n * GAUSSIAN_SIZE; k++)
        out[n * GAUSSIAN_SIZE + k] = (float)range_of(k % GAUSSIAN_SIZE);
    return gaussian_predict(user, n, x, t, labels, out);
}

/* All images, `at_once` in a call. */
static void bound_all(subject *s, int per_image, int batch, int at_once)
{
    const bool learned = um_variance_is_learned(s->sample.variance);
    const um_denoiser model = { .predict = learned ? say_both : gaussian_predict, .user = &s->g,
                                .learns_variance = learned };
    const um_bound b = { .schedule = &s->g.schedule, .sample = &s->sample, .model = &model,
                         .size = GAUSSIAN_SIZE, .per_image = per_image, .batch = batch,
                         .seed = 4 };
    memset(s->term, 0, sizeof s->term);
    for (int i = 0; i < N; i += at_once)
        CHECK_OK(&s->g.ctx, um_bound_images(&s->g.ctx, &b, UM_MIN(at_once, N - i), s->number + i,
                                            s->x0 + i * GAUSSIAN_SIZE, NULL, s->parts + i,
                                            s->term));
}

/* For normal data x_0 has, given x_t, the variance s^2 (1 - alpha_bar) / v: the expected square of
 * what the best model misses. */
static double expected_term(const subject *s, int t)
{
    const um_schedule *d = &s->g.schedule;
    const double bar = d->alpha_bar[t], small = d->variance[t];
    double sum = 0;
    for (int k = 0; k < GAUSSIAN_SIZE; k++) {
        const double part = s->sample.variance == UM_VARIANCE_LEARNED_RANGE
                                ? (1 + range_of(k)) / 2
                                : s->sample.variance == UM_VARIANCE_FIXED_LARGE;
        const double variance = pow(d->beta[t], part) * pow(small, 1 - part);
        const double s2 = s->g.deviation[k] * s->g.deviation[k];
        const double missed = s2 * (1 - bar) / (bar * s2 + 1 - bar);
        sum += 0.5 * (d->mean_x0[t] * d->mean_x0[t] * missed / variance + small / variance - 1 -
                      log(small / variance));
    }
    return sum;
}

/* The mean over the images within four of its standard errors, which are below 3 %. */
static void check_sum(const subject *s, double wanted, double most)
{
    double mean = 0, squares = 0;
    for (int i = 0; i < N; i++) mean += s->parts[i].between / N;
    for (int i = 0; i < N; i++) squares += pow(s->parts[i].between - mean, 2);
    const double error = sqrt(squares / (N - 1) / N);
    assert_true(error < most * wanted);
    CHECK_NEAR(mean, wanted, 4 * error);
}

/* A term is a sum of squares of normal numbers, so its deviation is at most sqrt(2) of its mean;
 * of 59 terms none is off by more than five standard errors. */
static void each_term_is_the_closed_form_of_a_gaussian(void **state)
{
    (void)state;
    for (um_prediction p = UM_PREDICTION_EPSILON; p <= UM_PREDICTION_SAMPLE; p++)
        for (um_variance v = UM_VARIANCE_FIXED_SMALL; v <= UM_VARIANCE_LEARNED_RANGE; v++) {
            subject s;
            open_subject(&s, p, v);
            bound_all(&s, 0, 64, N);
            double wanted = 0;
            for (int t = 1; t < T; t++) {
                const double term = expected_term(&s, t);
                assert_int_equal(s.term[t].count, N);
                CHECK_NEAR(s.term[t].nats / N, term, 5 * sqrt(2.0 / N) * term);
                wanted += term;
            }
            check_sum(&s, wanted, 0.03);
            gaussian_close(&s.g);
        }
}

static void the_prior_is_a_divergence_of_two_gaussians(void **state)
{
    (void)state;
    subject s;
    open_subject(&s, UM_PREDICTION_EPSILON, UM_VARIANCE_FIXED_SMALL);
    bound_all(&s, 1, 64, N);
    const double bar = s.g.schedule.alpha_bar[T - 1];
    for (int i = 0; i < N; i += 37) {
        double wanted = 0; /* by integration of q log(q / p) */
        for (int k = 0; k < GAUSSIAN_SIZE; k++) {
            const double mean = sqrt(bar) * (double)s.x0[i * GAUSSIAN_SIZE + k];
            for (int z = -8000; z <= 8000; z++) {
                const double e = z * 1e-3, x = mean + sqrt(1 - bar) * e;
                wanted += 1e-3 * exp(-0.5 * e * e) / sqrt(2 * M_PI) *
                          (0.5 * (x * x - e * e) - 0.5 * log(1 - bar));
            }
        }
        CHECK_NEAR(s.parts[i].prior, wanted, 1e-9);
    }
    gaussian_close(&s.g);
}

static void a_subsample_of_timesteps_is_unbiased(void **state)
{
    (void)state;
    subject s;
    open_subject(&s, UM_PREDICTION_EPSILON, UM_VARIANCE_FIXED_SMALL);
    double wanted = 0;
    int most = 0, least = N * T;
    for (int t = 1; t < T; t++) wanted += expected_term(&s, t);
    bound_all(&s, 20, 64, N);
    check_sum(&s, wanted, 0.1);
    for (int t = 1; t < T; t++) {
        most = UM_MAX(most, s.term[t].count);
        least = UM_MIN(least, s.term[t].count);
    }
    assert_int_equal(s.term[0].count, N);
    assert_true(least > 90 && most < 185); /* 400 * 20 / 59 = 136, binomial */
    gaussian_close(&s.g);
}

static void sums_do_not_depend_on_the_batch(void **state)
{
    (void)state;
    static const struct { int batch, at_once; } cases[] = { { 1, N }, { 17, 33 }, { 1000, 1 } };
    subject s, other;
    for (um_variance v = UM_VARIANCE_FIXED_SMALL; v <= UM_VARIANCE_LEARNED_RANGE; v++) {
        open_subject(&s, UM_PREDICTION_V, v);
        bound_all(&s, 5, 64, N);
        open_subject(&other, UM_PREDICTION_V, v);
        for (size_t c = 0; c < UM_COUNT(cases); c++) {
            bound_all(&other, 5, cases[c].batch, cases[c].at_once);
            assert_memory_equal(other.parts, s.parts, sizeof s.parts);
            assert_memory_equal(other.term, s.term, sizeof s.term);
        }
        gaussian_close(&s.g);
        gaussian_close(&other.g);
    }
}

static void clipping_counts_where_it_is_on(void **state)
{
    (void)state;
    subject s;
    double sum[2] = { 0 };
    open_subject(&s, UM_PREDICTION_EPSILON, UM_VARIANCE_FIXED_SMALL);
    for (int on = 0; on < 2; on++) {
        s.sample.clip_sample = on;
        s.sample.clip_sample_range = 0.1;
        bound_all(&s, 5, 64, N);
        for (int i = 0; i < N; i++) sum[on] += s.parts[i].between / N;
    }
    assert_true(sum[1] > 1.5 * sum[0]);
    gaussian_close(&s.g);
}

/* Whatever the normal distribution, all bytes together have probability 1. */
static void the_decoder_is_a_distribution_over_bytes(void **state)
{
    (void)state;
    static const double means[] = { -1.5, -1, -0.37, 0, 0.99, 2 };
    static const double deviations[] = { 0.001, 0.01, 0.3, 4 };
    for (size_t i = 0; i < UM_COUNT(means); i++)
        for (size_t k = 0; k < UM_COUNT(deviations); k++) {
            double sum = 0;
            for (int byte = 0; byte < 256; byte++)
                sum += exp(um_bound_decoder((double)(float)(byte / 127.5 - 1), means[i],
                                            deviations[k]));
            CHECK_NEAR(sum, 1, 1e-6);
        }
}

static um_status no_number(void *user, int n, const float *x, const double *t, const int *labels,
                           float *out)
{
    (void)user, (void)x, (void)t, (void)labels;
    for (int i = 0; i < n * GAUSSIAN_SIZE; i++) out[i] = NAN;
    return UM_OK;
}

/* Right about gray images, so that the variance alone counts. */
static um_status say_zero(void *user, int n, const float *x, const double *t, const int *labels,
                          float *out)
{
    (void)x, (void)t, (void)labels;
    for (int k = 0; k < n * GAUSSIAN_SIZE; k++) {
        out[k] = 0;
        out[n * GAUSSIAN_SIZE + k] = *(const float *)user;
    }
    return UM_OK;
}

static void the_decoder_has_the_learned_variance_too(void **state)
{
    (void)state;
    subject s;
    open_subject(&s, UM_PREDICTION_SAMPLE, UM_VARIANCE_LEARNED_RANGE);
    memset(s.x0, 0, sizeof s.x0);
    for (float v = -1; v <= 1; v += 0.5F) {
        const um_denoiser model = { say_zero, &v, true };
        const um_bound b = { .schedule = &s.g.schedule, .sample = &s.sample, .model = &model,
                             .size = GAUSSIAN_SIZE, .per_image = 1, .batch = 8 };
        CHECK_OK(&s.g.ctx, um_bound_images(&s.g.ctx, &b, 1, s.number, s.x0, NULL, s.parts, s.term));
        /* from the posterior's at t = 1 to beta at t = 0 */
        const double part = (1 + (double)v) / 2, small = s.g.schedule.variance[1];
        const double sigma = sqrt(pow(s.g.schedule.beta[0], part) * pow(small, 1 - part));
        const double want = -log(erf(1 / (255 * sigma * sqrt(2))));
        CHECK_NEAR(s.parts[0].decoder, GAUSSIAN_SIZE * want, 1e-9);
    }
    gaussian_close(&s.g);
}

static void a_variance_that_no_one_says_is_refused(void **state)
{
    (void)state;
    subject s;
    open_subject(&s, UM_PREDICTION_SAMPLE, UM_VARIANCE_LEARNED_RANGE);
    const um_denoiser model = gaussian_denoiser(&s.g);
    const um_bound b = { .schedule = &s.g.schedule, .sample = &s.sample, .model = &model,
                         .size = GAUSSIAN_SIZE, .batch = 8 };
    assert_int_equal(um_bound_images(&s.g.ctx, &b, 1, s.number, s.x0, NULL, s.parts, s.term),
                     UM_BAD_ARG);
    assert_non_null(strstr(s.g.ctx.message, "variance_type = learned_range"));
    gaussian_close(&s.g);
}

static void what_is_not_finite_is_told(void **state)
{
    (void)state;
    subject s;
    open_subject(&s, UM_PREDICTION_EPSILON, UM_VARIANCE_FIXED_SMALL);
    const um_denoiser model = { no_number, NULL };
    const um_bound b = { .schedule = &s.g.schedule, .sample = &s.sample, .model = &model,
                         .size = GAUSSIAN_SIZE, .batch = 8 };
    assert_int_equal(um_bound_images(&s.g.ctx, &b, 1, s.number, s.x0, NULL, s.parts, s.term),
                     UM_NOT_FINITE);
    assert_non_null(strstr(s.g.ctx.message, "image 0 at timestep 0"));
    gaussian_close(&s.g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_term_is_the_closed_form_of_a_gaussian),
        cmocka_unit_test(the_prior_is_a_divergence_of_two_gaussians),
        cmocka_unit_test(a_subsample_of_timesteps_is_unbiased),
        cmocka_unit_test(sums_do_not_depend_on_the_batch),
        cmocka_unit_test(clipping_counts_where_it_is_on),
        cmocka_unit_test(the_decoder_is_a_distribution_over_bytes),
        cmocka_unit_test(the_decoder_has_the_learned_variance_too),
        cmocka_unit_test(a_variance_that_no_one_says_is_refused),
        cmocka_unit_test(what_is_not_finite_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
