/* SPDX-License-Identifier: MIT */
#include "sample/classifier_guide.h"

#include <math.h>
#include <string.h>

#include "base/random.h"
#include "support/check.h"
#include "tensor/kernels/kernels.h"

enum { SIDE = 4, IMAGE = SIDE * SIDE, CLASSES = 3, N = 3 };

static um_unet *open_network(um_ctx *ctx, int logits)
{
    um_unet_config c;
    um_unet *unet;
    um_unet_config_default(&c);
    c.in_channels = c.out_channels = c.levels = c.layers_per_block = 1;
    c.channels[0] = 8;
    c.down_attention[0] = c.up_attention[0] = c.add_attention = false;
    c.norm_num_groups = 2;
    c.logits = logits;
    um_ctx_init(ctx);
    CHECK_OK(ctx, um_kernels_choose(ctx, "auto"));
    CHECK_OK(ctx, um_unet_open(&unet, ctx, &c));
    um_params_initialise(um_unet_params(unet), 3);
    if (!logits) return unet;
    um_param *last = um_params_find(um_unet_params(unet), "head_scores.weight"); /* zeros yet */
    um_random_normal(&(um_random){ 1, UM_STREAM_TEST, 7 }, last->value, 8 * CLASSES);
    return unet;
}

typedef struct asked {
    float x[N * IMAGE], grad[N * IMAGE], logits[N * CLASSES];
    double t[N];
    int labels[N];
} asked;

static asked images(void)
{
    asked a = { .t = { 0, 500, 999 }, .labels = { 0, 2, 1 } };
    um_random_normal(&(um_random){ 1, UM_STREAM_TEST, 0 }, a.x, N * IMAGE);
    return a;
}

static double log_p(const float *logits, int label)
{
    double sum = 0;
    for (int k = 0; k < CLASSES; k++) sum += exp((double)logits[k] - (double)logits[label]);
    return -log(sum);
}

/* Along a random direction, by differences of what the scores say: in float they are good to some
 * thousandths. */
static void the_gradient_is_the_slope_of_log_p(void **state)
{
    (void)state;
    um_ctx ctx;
    um_classifier c;
    um_unet *unet = open_network(&ctx, CLASSES);
    asked a = images(), up = a, down = a;
    float way[N * IMAGE];
    const double h = 0.01;
    um_random_normal(&(um_random){ 1, UM_STREAM_TEST, 1 }, way, N * IMAGE);
    for (int i = 0; i < N * IMAGE; i++)
        up.x[i] += (float)h * way[i], down.x[i] -= (float)h * way[i];
    CHECK_OK(&ctx, um_classifier_init(&c, &ctx, unet, SIDE, SIDE));
    CHECK_OK(&ctx, um_classifier_gradient(&c, N, a.x, a.t, a.labels, a.grad, a.logits));
    CHECK_OK(&ctx, um_classifier_gradient(&c, N, up.x, a.t, NULL, NULL, up.logits));
    CHECK_OK(&ctx, um_classifier_gradient(&c, N, down.x, a.t, NULL, NULL, down.logits));
    for (int i = 0; i < N; i++) {
        const float *at_up = up.logits + i * CLASSES, *at_down = down.logits + i * CLASSES;
        const double by = (log_p(at_up, a.labels[i]) - log_p(at_down, a.labels[i])) / (2 * h);
        double slope = 0, size = 0;
        for (int k = i * IMAGE; k < (i + 1) * IMAGE; k++) {
            slope += (double)a.grad[k] * (double)way[k];
            size += pow((double)a.grad[k], 2);
        }
        assert_true(size > 0);
        CHECK_NEAR(slope, by, 0.01 * sqrt(size * IMAGE));
    }
    um_classifier_free(&c);
    um_unet_close(&unet);
}

static void an_image_does_not_depend_on_the_others(void **state)
{
    (void)state;
    um_ctx ctx;
    um_classifier c;
    um_unet *unet = open_network(&ctx, CLASSES);
    asked a = images(), one = a;
    CHECK_OK(&ctx, um_classifier_init(&c, &ctx, unet, SIDE, SIDE));
    CHECK_OK(&ctx, um_classifier_gradient(&c, N, a.x, a.t, a.labels, a.grad, a.logits));
    for (int i = 0; i < N; i++) {
        CHECK_OK(&ctx, um_classifier_gradient(&c, 1, a.x + i * IMAGE, a.t + i, a.labels + i,
                                              one.grad, one.logits));
        assert_memory_equal(one.grad, a.grad + i * IMAGE, IMAGE * sizeof *a.grad);
        assert_memory_equal(one.logits, a.logits + i * CLASSES, CLASSES * sizeof *a.logits);
    }
    um_classifier_free(&c);
    um_unet_close(&unet);
}

static void what_is_no_classifier_and_no_class_is_refused(void **state)
{
    (void)state;
    um_ctx ctx;
    um_classifier c;
    asked a = images();
    um_unet *unet = open_network(&ctx, 0);
    assert_int_equal(um_classifier_init(&c, &ctx, unet, SIDE, SIDE), UM_BAD_ARG);
    assert_non_null(strstr(ctx.message, "the model predicts images"));
    um_unet_close(&unet);
    unet = open_network(&ctx, CLASSES);
    CHECK_OK(&ctx, um_classifier_init(&c, &ctx, unet, SIDE, SIDE));
    a.labels[1] = CLASSES;
    assert_int_equal(um_classifier_gradient(&c, N, a.x, a.t, a.labels, a.grad, NULL), UM_BAD_ARG);
    assert_non_null(strstr(ctx.message, "class 3: the classifier knows 0 to 2"));
    assert_int_equal(um_classifier_gradient(&c, 0, a.x, a.t, a.labels, a.grad, NULL), UM_BAD_ARG);
    um_classifier_free(&c);
    um_unet_close(&unet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_gradient_is_the_slope_of_log_p),
        cmocka_unit_test(an_image_does_not_depend_on_the_others),
        cmocka_unit_test(what_is_no_classifier_and_no_class_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
