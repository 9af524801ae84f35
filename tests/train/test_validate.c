/* SPDX-License-Identifier: MIT */
#include "train/validate.h"

#include "support/failing.h"
#include "train/tiny.h"

#include <math.h>

typedef struct subject {
    um_ctx ctx;
    tiny t;
    um_trainer *trainer;
    um_feed feed;
    um_batch batch;
} subject;

static subject *open_subject(int batch, int accumulate)
{
    subject *s = test_calloc(1, sizeof *s);
    um_ctx_init(&s->ctx);
    s->ctx.threads = 1;
    CHECK_OK(&s->ctx, tiny_begin(&s->t, &s->ctx));
    CHECK_OK(&s->ctx, tiny_network(&s->t, 4));
    s->t.settings.batch = batch;
    s->t.settings.accumulate = accumulate;
    CHECK_OK(&s->ctx, tiny_work(&s->t, &s->trainer, &s->feed, &s->batch));
    return s;
}

static void close_subject(subject *s)
{
    tiny_rest(&s->t, &s->trainer, &s->feed, &s->batch);
    tiny_end(&s->t);
    test_free(s);
}

static void train(subject *s, int steps)
{
    for (int i = 0; i < steps; i++) {
        um_step_report report;
        double loss;
        CHECK_OK(&s->ctx, um_feed_training(&s->feed, i * s->batch.n, &s->batch));
        CHECK_OK(&s->ctx, um_trainer_step(s->trainer, &s->batch, &loss, &report));
    }
}

static um_validation validate(subject *s)
{
    um_validation v;
    const int n = s->batch.n;
    CHECK_OK(&s->ctx, um_validate(s->trainer, &s->feed, &s->t.settings, &s->batch, &v));
    assert_int_equal(s->batch.n, n);
    return v;
}

/* A fresh network says 0 (conv_out starts at zero): its loss is the mean square of the noise. */
static void the_loss_of_silence_is_that_of_the_noise(void **state)
{
    (void)state;
    subject *s = open_subject(4, 1);
    const um_validation v = validate(s);
    double total = 0, quarter[4] = { 0 };
    for (int i = 0; i < TINY_HELD; i++) {
        double squares = 0;
        s->batch.n = 1;
        CHECK_OK(&s->ctx, um_feed_validation(&s->feed, i, &s->batch));
        for (int k = 0; k < TINY_IMAGE; k++)
            squares += (double)s->batch.noise[k] * (double)s->batch.noise[k];
        total += squares / TINY_IMAGE;
        quarter[i % 4] += squares / TINY_IMAGE;
    }
    assert_true(v.done);
    CHECK_NEAR(v.loss, total / TINY_HELD, 1e-6);
    for (int q = 0; q < 4; q++) CHECK_NEAR(v.quarter[q], quarter[q] / (q < 3 ? 2 : 1), 1e-6);
    close_subject(s);
}

/* The same bits from whatever batch, and twice; the total is the mean over images, not quarters. */
static void it_does_not_depend_on_the_batch(void **state)
{
    (void)state;
    static const int batches[][2] = { { 4, 1 }, { 4, 2 }, { 1, 1 }, { 3, 1 }, { 16, 1 }, { 6, 3 } };
    um_validation first = { 0 };
    for (size_t i = 0; i < UM_COUNT(batches); i++) {
        subject *s = open_subject(batches[i][0], batches[i][1]);
        const um_validation v = validate(s), again = validate(s);
        if (!i) first = v;
        assert_true(v.loss == first.loss && again.loss == v.loss);
        assert_memory_equal(v.quarter, first.quarter, sizeof v.quarter);
        const double sum = 2 * (v.quarter[0] + v.quarter[1] + v.quarter[2]) + v.quarter[3];
        CHECK_NEAR(v.loss, sum / TINY_HELD, 1e-12);
        close_subject(s);
    }
}

/* It judges the moving average, and leaves network, average and optimiser as they were. */
static void it_is_of_the_average_and_leaves_no_trace(void **state)
{
    (void)state;
    subject *s = open_subject(4, 1);
    s->t.settings.lr = 0.05;
    s->t.settings.warmup = 0;
    train(s, 6);
    um_optimizer_state *o = um_trainer_optimizer(s->trainer);
    um_params *params = um_unet_params(s->t.unet);
    const size_t bytes = params->padded * sizeof(um_real);
    um_real *weights = test_malloc(bytes), *ema = test_malloc(bytes);
    memcpy(weights, params->values, bytes);
    memcpy(ema, o->ema, bytes);
    const um_validation of_average = validate(s);
    assert_memory_equal(params->values, weights, bytes);
    assert_memory_equal(o->ema, ema, bytes);
    assert_int_equal(o->step, 6);
    memcpy(o->ema, weights, bytes);
    const um_validation of_weights = validate(s);
    memcpy(params->values, ema, bytes);
    memcpy(o->ema, ema, bytes);
    assert_true(of_weights.loss != of_average.loss);
    assert_true(validate(s).loss == of_average.loss);
    test_free(weights);
    test_free(ema);
    close_subject(s);
}

static void no_more_images_than_asked_for(void **state)
{
    (void)state;
    subject *s = open_subject(4, 1);
    s->t.settings.validation_images = 5;
    const um_validation five = validate(s);
    s->t.data.held = 5;
    s->t.settings.validation_images = 0;
    const um_validation all = validate(s);
    assert_true(five.loss == all.loss);
    s->t.settings.validation_images = 100;
    assert_true(validate(s).loss == all.loss);
    close_subject(s);
}

static void nothing_held_out_is_no_validation(void **state)
{
    (void)state;
    subject *s = open_subject(4, 1);
    s->t.data.held = 0;
    const um_validation v = validate(s);
    assert_false(v.done);
    assert_true(v.loss == 0);
    close_subject(s);
}

static void an_image_alone_leaves_quarters_empty(void **state)
{
    (void)state;
    subject *s = open_subject(4, 1);
    s->t.data.held = 1;
    const um_validation v = validate(s);
    assert_true(v.done && v.loss > 0 && v.quarter[0] == v.loss);
    for (int q = 1; q < 4; q++) assert_true(v.quarter[q] == 0);
    close_subject(s);
}

/* All scores alike are no answer; a bias for class 0, which all images are of, is right. */
static void accuracies_count_what_a_classifier_gets_right(void **state)
{
    (void)state;
    subject *s = test_calloc(1, sizeof *s);
    um_unet_config c = tiny_config(4);
    c.logits = 3;
    um_ctx_init(&s->ctx);
    CHECK_OK(&s->ctx, tiny_begin(&s->t, &s->ctx));
    CHECK_OK(&s->ctx, um_kernels_choose(&s->ctx, "auto"));
    CHECK_OK(&s->ctx, um_unet_open(&s->t.unet, &s->ctx, &c));
    um_params_initialise(um_unet_params(s->t.unet), 1);
    for (int right = 0; right < 2; right++) {
        um_params_find(um_unet_params(s->t.unet), "head_scores.bias")->value[0] = (um_real)right;
        CHECK_OK(&s->ctx, tiny_work(&s->t, &s->trainer, &s->feed, &s->batch));
        const um_validation v = validate(s);
        assert_true(v.done && v.accuracy == right && v.accuracy_at_0 == right);
        CHECK_NEAR(v.loss, right ? log(exp(1) + 2) - 1 : log(3), 1e-6);
        tiny_rest(&s->t, &s->trainer, &s->feed, &s->batch);
    }
    tiny_end(&s->t);
    test_free(s);
}

/* Where memory ends the weights are back in their place. */
static void want_of_memory_swaps_back(void **state)
{
    (void)state;
    subject *s = open_subject(4, 1);
    const size_t bytes = um_unet_params(s->t.unet)->padded * sizeof(um_real);
    um_validation v;
    failing f = { .fail_at = 1 };
    train(s, 2);
    um_real *before = test_malloc(bytes);
    memcpy(before, um_unet_params(s->t.unet)->values, bytes);
    const um_allocator whole = s->ctx.allocator;
    s->ctx.allocator = (um_allocator){ failing_alloc, failing_free, &f };
    assert_int_equal(um_validate(s->trainer, &s->feed, &s->t.settings, &s->batch, &v),
                     UM_NO_MEMORY);
    s->ctx.allocator = whole;
    assert_false(v.done);
    assert_memory_equal(um_unet_params(s->t.unet)->values, before, bytes);
    assert_int_equal(s->batch.n, 4);
    test_free(before);
    close_subject(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_loss_of_silence_is_that_of_the_noise),
        cmocka_unit_test(it_does_not_depend_on_the_batch),
        cmocka_unit_test(it_is_of_the_average_and_leaves_no_trace),
        cmocka_unit_test(no_more_images_than_asked_for),
        cmocka_unit_test(nothing_held_out_is_no_validation),
        cmocka_unit_test(an_image_alone_leaves_quarters_empty),
        cmocka_unit_test(accuracies_count_what_a_classifier_gets_right),
        cmocka_unit_test(want_of_memory_swaps_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
