/* SPDX-License-Identifier: MIT */
#include "sample/steering.h"

#include <math.h>
#include <string.h>

#include "base/random.h"
#include "drawing.h"
#include "support/failing.h"
#include "tensor/kernels/kernels.h"

enum { SIDE = 8, SIZE = SIDE * SIDE, CLASSES = 3, N = 5, T = 1000 };

typedef struct subject {
    um_ctx ctx;
    um_schedule schedule;
    um_unet *unet;
    um_classifier classifier;
    float x[N * SIZE];
} subject;

static const int labels[N] = { 0, 2, 1, 1, 0 };
static const double times[N] = { 999, 600, 250.5, 30, 0 };

/* A classifier that nobody has trained, but for scores that are not zero. */
static void open_subject(subject *s)
{
    um_unet_config c;
    memset(s, 0, sizeof *s);
    um_ctx_init(&s->ctx);
    CHECK_OK(&s->ctx, um_kernels_choose(&s->ctx, "auto"));
    const um_schedule_settings linear = um_schedule_defaults();
    CHECK_OK(&s->ctx, um_schedule_init(&s->ctx, &s->schedule, &linear));
    um_unet_config_default(&c);
    c.in_channels = c.out_channels = c.levels = c.layers_per_block = 1;
    c.channels[0] = 8;
    c.down_attention[0] = c.up_attention[0] = c.add_attention = false;
    c.norm_num_groups = 2;
    c.logits = CLASSES;
    CHECK_OK(&s->ctx, um_unet_open(&s->unet, &s->ctx, &c));
    um_params_initialise(um_unet_params(s->unet), 3);
    um_param *last = um_params_find(um_unet_params(s->unet), "head_scores.weight");
    um_random_normal(&(um_random){ 1, UM_STREAM_TEST, 7 }, last->value, 8 * CLASSES);
    CHECK_OK(&s->ctx, um_classifier_init(&s->classifier, &s->ctx, s->unet, SIDE, SIDE));
    um_random_normal(&(um_random){ 1, UM_STREAM_TEST, 0 }, s->x, N * SIZE);
}

static void close_subject(subject *s)
{
    um_classifier_free(&s->classifier);
    um_unet_close(&s->unet);
    um_schedule_free(&s->ctx, &s->schedule);
}

/* A model that says a tenth of x, whatever that means. */
static um_status tenth(void *user, int n, const float *x, const double *t, const int *classes,
                       float *out)
{
    (void)user, (void)t, (void)classes;
    for (int k = 0; k < n * SIZE; k++) out[k] = 0.1f * x[k];
    return UM_OK;
}

static const um_denoiser plain = { tenth, NULL };

static void ask(subject *s, um_prediction prediction, double scale, int n, const int *classes,
                float *out)
{
    um_steering steering;
    um_steering_init(&steering, &s->ctx, &plain, &s->classifier, &s->schedule, prediction, scale);
    const um_denoiser steered = um_denoiser_from_steering(&steering);
    CHECK_OK(&s->ctx, steered.predict(steered.user, n, s->x, times, classes, out));
    um_steering_free(&steering);
}

static void the_noise_loses_the_gradient_times_its_deviation(void **state)
{
    (void)state;
    subject s;
    open_subject(&s);
    float grad[N * SIZE], out[N * SIZE];
    CHECK_OK(&s.ctx, um_classifier_gradient(&s.classifier, N, s.x, times, labels, grad, NULL));
    for (int p = 0; p < 3; p++) {
        ask(&s, (um_prediction)p, 2.5, N, labels, out);
        for (int i = 0; i < N; i++) {
            const double bar = um_schedule_alpha_bar_at(&s.schedule, times[i]);
            const um_prediction_rule rule = um_prediction_rule_at((um_prediction)p, bar);
            double largest = 0;
            for (int k = i * SIZE; k < (i + 1) * SIZE; k++) {
                const double x = (double)s.x[k], said = (double)(0.1f * s.x[k]);
                const double want = rule.eps_x * x + rule.eps_out * said -
                                    2.5 * sqrt(1 - bar) * (double)grad[k];
                const double eps = rule.eps_x * x + rule.eps_out * (double)out[k];
                largest = fmax(largest, fabs(2.5 * sqrt(1 - bar) * (double)grad[k]));
                CHECK_NEAR(eps, want, 1e-5);
            }
            assert_true(largest > 1e-4);
        }
    }
    close_subject(&s);
}

static void an_image_is_steered_alike_in_any_part_of_any_batch(void **state)
{
    (void)state;
    subject s;
    open_subject(&s);
    float all[N * SIZE], out[N * SIZE];
    um_steering steering;
    ask(&s, UM_PREDICTION_EPSILON, 2, N, labels, all);
    for (int n = 1; n < N; n++) {
        ask(&s, UM_PREDICTION_EPSILON, 2, n, labels, out);
        assert_memory_equal(all, out, (size_t)n * SIZE * sizeof *all);
    }
    um_steering_init(&steering, &s.ctx, &plain, &s.classifier, &s.schedule, UM_PREDICTION_EPSILON,
                     2);
    const um_denoiser steered = um_denoiser_from_steering(&steering);
    CHECK_OK(&s.ctx, steered.predict(steered.user, 1, s.x, times, labels, out));
    s.classifier.most = 2; /* as if that were all that the classifier is fast at */
    CHECK_OK(&s.ctx, steered.predict(steered.user, N, s.x, times, labels, out));
    assert_memory_equal(all, out, sizeof all);
    um_steering_free(&steering);
    close_subject(&s);
}

static void a_scale_of_0_changes_nothing(void **state)
{
    (void)state;
    subject s;
    open_subject(&s);
    float out[N * SIZE], want[N * SIZE];
    CHECK_OK(&s.ctx, tenth(NULL, N, s.x, times, labels, want));
    ask(&s, UM_PREDICTION_V, 0, N, labels, out);
    for (int k = 0; k < N * SIZE; k++) assert_true(out[k] == want[k]);
    close_subject(&s);
}

/* Of a schedule that ends in nothing but noise. */
static void where_nothing_is_left_to_classify_nothing_is_changed(void **state)
{
    (void)state;
    subject s;
    open_subject(&s);
    float out[SIZE], want[SIZE];
    um_schedule_settings zero = um_schedule_defaults();
    zero.zero_terminal_snr = true;
    um_schedule_free(&s.ctx, &s.schedule);
    CHECK_OK(&s.ctx, um_schedule_init(&s.ctx, &s.schedule, &zero));
    CHECK_OK(&s.ctx, tenth(NULL, 1, s.x, times, labels, want));
    ask(&s, UM_PREDICTION_V, 3, 1, labels, out); /* t = 999 */
    assert_memory_equal(out, want, sizeof out);
    close_subject(&s);
}

/* The exact noise of images whose pixels are normal with deviation 1/2. */
static um_status exact(void *user, int n, const float *x, const double *t, const int *classes,
                       float *out)
{
    (void)classes;
    for (int k = 0; k < n * SIZE; k++) {
        const double bar = um_schedule_alpha_bar_at(user, t[k / SIZE]);
        out[k] = (float)(sqrt(1 - bar) / (1 - 0.75 * bar) * (double)x[k]);
    }
    return UM_OK;
}

/* log p(label | x) by a pass of its own. */
static double pleased(subject *s, const float *x, int image, int label)
{
    float scores[CLASSES];
    double sum = 0;
    CHECK_OK(&s->ctx, um_classifier_gradient(&s->classifier, 1, x + image * SIZE, &(double){ 0 },
                                             NULL, NULL, scores));
    for (int k = 0; k < CLASSES; k++) sum += exp((double)scores[k] - (double)scores[label]);
    return -log(sum);
}

static void what_is_drawn_pleases_the_classifier_more_with_every_sampler(void **state)
{
    (void)state;
    for (int i = 0; um_samplers[i]; i++) {
        subject s;
        open_subject(&s);
        double sum[2] = { 0 };
        for (int steered = 0; steered < 2; steered++) {
            float out[N * SIZE];
            um_sample_settings settings = um_sampler_defaults(um_samplers[i]);
            um_plan plan;
            um_steering steering;
            settings.steps = 40;
            settings.clip_sample = false;
            CHECK_OK(&s.ctx, um_plan_init(&s.ctx, &plan, &settings, &s.schedule));
            const um_denoiser normal = { exact, &s.schedule };
            um_steering_init(&steering, &s.ctx, &normal, &s.classifier, &s.schedule,
                             UM_PREDICTION_EPSILON, steered ? 50 : 0);
            const um_denoiser model = um_denoiser_from_steering(&steering);
            const um_sample_request r = { .h = SIDE, .w = SIDE, .c = 1, .count = N, .batch = 2,
                                          .labels = labels };
            CHECK_OK(&s.ctx, um_sample_run(&s.ctx, &plan, &model, &r, out));
            for (int k = 0; k < N; k++) sum[steered] += pleased(&s, out, k, labels[k]);
            um_steering_free(&steering);
            um_plan_free(&s.ctx, &plan);
        }
        if (!(sum[1] > sum[0] + 1))
            fail_msg("%s: log p is %g steered and %g without", um_samplers[i]->name, sum[1],
                     sum[0]);
        close_subject(&s);
    }
}

static um_status steer_in(um_ctx *ctx, void *arg)
{
    subject *s = arg;
    float out[N * SIZE];
    um_steering steering;
    um_steering_init(&steering, ctx, &plain, &s->classifier, &s->schedule, UM_PREDICTION_EPSILON,
                     1);
    const um_denoiser steered = um_denoiser_from_steering(&steering);
    const um_status status = steered.predict(steered.user, N, s->x, times, labels, out);
    um_steering_free(&steering);
    return status;
}

static void what_is_missing_is_told(void **state)
{
    (void)state;
    subject s;
    open_subject(&s);
    float out[N * SIZE];
    const int beyond[N] = { 0, 1, CLASSES, 0, 0 };
    um_steering steering;
    check_every_allocation(steer_in, &s);
    um_steering_init(&steering, &s.ctx, &plain, &s.classifier, &s.schedule, UM_PREDICTION_EPSILON,
                     1);
    const um_denoiser steered = um_denoiser_from_steering(&steering);
    assert_int_equal(steered.predict(steered.user, N, s.x, times, NULL, out), UM_BAD_ARG);
    assert_int_equal(steered.predict(steered.user, N, s.x, times, beyond, out), UM_BAD_ARG);
    um_steering_free(&steering);
    close_subject(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_noise_loses_the_gradient_times_its_deviation),
        cmocka_unit_test(an_image_is_steered_alike_in_any_part_of_any_batch),
        cmocka_unit_test(a_scale_of_0_changes_nothing),
        cmocka_unit_test(where_nothing_is_left_to_classify_nothing_is_changed),
        cmocka_unit_test(what_is_drawn_pleases_the_classifier_more_with_every_sampler),
        cmocka_unit_test(what_is_missing_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
