/* SPDX-License-Identifier: MIT
 * test_guard.c - numbers that go bad: what is told of them, and what stays as it was. */
#include "train/guard.h"

#include "support/scratch.h"
#include "train/tiny.h"

#include <math.h>
#include <stdio.h>

/* A trainer, the images of its first step, and what it had before. */
typedef struct subject {
    um_ctx ctx;
    tiny t;
    um_trainer *trainer;
    um_feed feed;
    um_batch batch;
    um_guard guard;
    um_guarded step;
    um_params *params;
    um_real *blocks[4], *before[4];
    char warning[UM_MESSAGE_MAX];
} subject;

static void keep_warning(void *user, um_log_level level, const char *text)
{
    subject *s = user;
    if (level == UM_LOG_WARNING) snprintf(s->warning, sizeof s->warning, "%s", text);
}

static subject *begin(um_on_nan on_nan)
{
    subject *s = test_calloc(1, sizeof *s);
    um_ctx_init(&s->ctx);
    s->ctx.threads = 1;
    s->ctx.log = keep_warning;
    s->ctx.log_user = s;
    CHECK_OK(&s->ctx, tiny_begin(&s->t, &s->ctx));
    s->t.settings.on_nan = on_nan;
    s->t.settings.on_nan_limit = 2;
    CHECK_OK(&s->ctx, tiny_network(&s->t, 4));
    CHECK_OK(&s->ctx, tiny_work(&s->t, &s->trainer, &s->feed, &s->batch));
    CHECK_OK(&s->ctx, um_feed_training(&s->feed, 0, &s->batch));
    const um_optimizer_state *o = um_trainer_optimizer(s->trainer);
    s->params = o->params;
    um_real *const blocks[] = { s->params->values, o->m, o->v, o->ema };
    memcpy(s->blocks, blocks, sizeof blocks);
    for (int k = 0; k < 4; k++)
        s->before[k] = test_malloc(s->params->padded * sizeof(um_real));
    return s;
}

static void finish(subject *s)
{
    for (int k = 0; k < 4; k++) test_free(s->before[k]);
    tiny_rest(&s->t, &s->trainer, &s->feed, &s->batch);
    tiny_end(&s->t);
    test_free(s);
}

static um_status take_step(subject *s)
{
    s->warning[0] = 0;
    return um_guard_step(&s->guard, s->trainer, &s->batch, 40, &s->step);
}

static um_real *weight(subject *s, const char *name)
{
    return um_params_find(s->params, name)->value;
}

static void remember(subject *s)
{
    for (int k = 0; k < 4; k++)
        memcpy(s->before[k], s->blocks[k], s->params->padded * sizeof(um_real));
}

static void check_unchanged(subject *s)
{
    for (int k = 0; k < 4; k++)
        assert_memory_equal(s->before[k], s->blocks[k], s->params->padded * sizeof(um_real));
}

static void a_sound_step_is_the_trainer_s(void **state)
{
    (void)state;
    subject *a = begin(UM_ON_NAN_STOP), *b = begin(UM_ON_NAN_ROLLBACK);
    um_step_report report;
    double loss;
    CHECK_OK(&a->ctx, um_trainer_step(a->trainer, &a->batch, &loss, &report));
    CHECK_OK(&b->ctx, take_step(b));
    assert_true(b->step.made && b->step.loss == loss);
    assert_memory_equal(&b->step.report, &report, sizeof report);
    for (int k = 0; k < 4; k++)
        assert_memory_equal(a->blocks[k], b->blocks[k], a->params->padded * sizeof(um_real));
    assert_int_equal(b->guard.losses, 1);
    assert_true(b->guard.loss_mean == loss && b->guard.loss_variance == 0);
    assert_int_equal(b->warning[0], 0);
    finish(a);
    finish(b);
}

/* Each way for a number to go bad before the update, and what is told of it. */
static void bad_image(subject *s) { s->batch.x0[5] = NAN; }

static void bad_weight(subject *s) { weight(s, "mid_block.resnets.0.conv1.weight")[3] = INFINITY; }

static void overflowing_layer(subject *s)
{
    um_real *w = weight(s, "conv_out.weight");
    for (int i = 0; i < 3 * 3 * 4; i++) w[i] = 3e38f;
}

/* h = 1e36 comes out of the last norm, the output is of a size of 1e5, and its gradient for the
 * weights that bring h down to that is 1e3 * h. */
static void overflowing_gradient(subject *s)
{
    for (int i = 0; i < 4; i++) weight(s, "conv_norm_out.weight")[i] = 1e36f;
    for (int i = 0; i < 3 * 3 * 4; i++) weight(s, "conv_out.weight")[i] = 1e-36f;
    weight(s, "conv_out.bias")[0] = 1e5f;
}

static const struct bad_case {
    void (*spoil)(subject *s);
    const char *told;
} bad_cases[] = {
    { bad_image, "conv_in: conv2d: the value of x_t is not finite" },
    { bad_weight, "the value of mid_block.resnets.0.conv1.weight is not finite" },
    { overflowing_layer, "conv_out: conv2d: the value of the output is not finite" },
    { overflowing_gradient, "the gradient of conv_out.weight is not finite" },
};

static const char place[] = "step 1 (seed 5, images 40 to 43 of the run): ";

static void what_went_bad_first_is_named_and_nothing_is_changed(void **state)
{
    (void)state;
    for (size_t i = 0; i < UM_COUNT(bad_cases); i++)
        for (int watched = 0; watched < 2; watched++) {
            subject *s = begin(UM_ON_NAN_STOP);
            s->t.settings.check_nan = watched;
            um_trainer_check_nan(s->trainer, false);
            bad_cases[i].spoil(s);
            remember(s);
            assert_int_equal(take_step(s), UM_NOT_FINITE);
            assert_memory_equal(s->ctx.message, place, strlen(place));
            CHECK_TOLD(&s->ctx, bad_cases[i].told);
            check_unchanged(s);
            assert_false(s->step.made);
            assert_int_equal(um_trainer_optimizer(s->trainer)->step, 0);
            finish(s);
        }
}

/* Weights, moments, average and the count of updates stay; the run and its learning rate go on. */
static void a_skipped_update_leaves_all_but_the_step(void **state)
{
    (void)state;
    subject *s = begin(UM_ON_NAN_SKIP);
    const um_optimizer_state *o = um_trainer_optimizer(s->trainer);
    CHECK_OK(&s->ctx, take_step(s));
    remember(s);
    const float sound = s->batch.x0[5];
    for (int k = 1; k <= 2; k++) {
        bad_image(s);
        CHECK_OK(&s->ctx, take_step(s));
        char counts[64];
        snprintf(counts, sizeof counts, "; its update is skipped (%d in a row, %d in all)", k, k);
        assert_non_null(strstr(s->warning, counts));
        assert_non_null(strstr(s->warning, "the value of x_t is not finite"));
        check_unchanged(s);
        assert_false(s->step.made);
        assert_true(isnan(s->step.loss) && isnan(s->step.report.grad_norm));
        assert_true(s->step.report.lr == 0);
        assert_true(o->step == 1 + k && o->updates == 1);
    }
    assert_int_equal(take_step(s), UM_NOT_FINITE); /* a third is too many */
    CHECK_TOLD(&s->ctx, "; updates skipped before it: 2 (train.on_nan_limit)");
    assert_true(s->guard.skipped == 2 && o->step == 3);
    s->batch.x0[5] = sound;
    CHECK_OK(&s->ctx, take_step(s));
    assert_true(s->step.made && o->step == 4 && o->updates == 2);
    assert_true(s->guard.skipped == 2 && s->guard.skipped_in_row == 0 && s->guard.losses == 2);
    finish(s);
}

/* As though the skipped steps had not been, but for the learning rate: which is constant here. */
static void what_follows_a_skip_is_what_would_have_come_without(void **state)
{
    (void)state;
    subject *s[2];
    for (int skips = 0; skips < 2; skips++) {
        s[skips] = begin(UM_ON_NAN_SKIP);
        s[skips]->t.settings.lr_schedule = UM_LR_CONSTANT;
        s[skips]->t.settings.warmup = 0;
        const float sound = s[skips]->batch.x0[5];
        for (int k = 0; k < 3; k++) {
            s[skips]->batch.x0[5] = sound;
            CHECK_OK(&s[skips]->ctx, take_step(s[skips]));
            bad_image(s[skips]);
            if (skips) CHECK_OK(&s[skips]->ctx, take_step(s[skips]));
            um_trainer_optimizer(s[skips]->trainer)->step = k + 1; /* the masks of dropout */
        }
    }
    for (int k = 0; k < 4; k++)
        assert_memory_equal(s[0]->blocks[k], s[1]->blocks[k],
                            s[0]->params->padded * sizeof(um_real));
    finish(s[0]);
    finish(s[1]);
}

/* Too late to leave it out: also skip ends the run. */
static void weights_that_an_update_spoils_are_named(void **state)
{
    (void)state;
    for (int policy = UM_ON_NAN_STOP; policy <= UM_ON_NAN_ROLLBACK; policy++) {
        subject *s = begin((um_on_nan)policy);
        s->t.settings.warmup = 0;
        s->t.settings.lr = 1e39;
        assert_int_equal(take_step(s), UM_NOT_FINITE);
        assert_memory_equal(s->ctx.message, place, strlen(place));
        CHECK_TOLD(&s->ctx, "the update: the value of conv_in.weight is not finite");
        assert_true(s->step.made);
        finish(s);
    }
}

/* The mean of squares would be infinite, and the weight never move again. */
static void a_gradient_too_large_to_square_is_bad(void **state)
{
    (void)state;
    for (int clipped = 0; clipped < 2; clipped++) {
        subject *s = begin(UM_ON_NAN_SKIP);
        s->t.settings.clip_norm = clipped;
        weight(s, "conv_out.bias")[0] = 1e12f;
        for (int i = 0; i < 4; i++) weight(s, "conv_norm_out.weight")[i] = 1e10f;
        for (int i = 0; i < 3 * 3 * 4; i++) weight(s, "conv_out.weight")[i] = 1e-10f;
        CHECK_OK(&s->ctx, take_step(s));
        assert_int_equal(s->step.made, clipped);
        if (!clipped) assert_non_null(strstr(s->warning, "the gradient's norm is "));
        assert_null(um_params_not_finite(s->params, um_trainer_optimizer(s->trainer)->v));
        finish(s);
    }
}

/* Mean and variance by their definition: of all at first; then, a weight of 1 / W for the newest,
 * all older ones times 1 - 1 / W. */
static void the_running_mean_and_variance_are_as_written(void **state)
{
    (void)state;
    enum { W = UM_SPIKE_WINDOW, N = 3 * W };
    um_guard g = { .losses = 0 };
    double loss[N], share[N];
    for (int n = 0; n < N; n++) {
        double mean = 0, variance = 0;
        loss[n] = 0.3 + um_random_uniform(&(um_random){ 1, UM_STREAM_TEST, 0 }, (uint32_t)n);
        um_guard_learn(&g, loss[n]);
        const double newest = 1.0 / (n < W ? n + 1 : W);
        for (int i = 0; i < n; i++) share[i] *= 1 - newest;
        share[n] = newest;
        for (int i = 0; i <= n; i++) mean += share[i] * loss[i];
        for (int i = 0; i <= n; i++) variance += share[i] * (loss[i] - mean) * (loss[i] - mean);
        CHECK_NEAR(g.loss_mean, mean, 1e-12);
        CHECK_NEAR(g.loss_variance, variance, 1e-12);
        assert_int_equal(g.losses, n + 1);
        const double z = um_guard_zscore(&g, mean + 3 * sqrt(variance));
        if (n + 1 < W) assert_true(z == 0);
        else CHECK_NEAR(z, 3, 1e-9);
        assert_true(um_guard_zscore(&g, mean - 9) == 0);
    }
}

static void without_deviation_nothing_is_a_spike(void **state)
{
    (void)state;
    um_guard g = { .losses = 0 };
    for (int i = 0; i < 2 * UM_SPIKE_WINDOW; i++) um_guard_learn(&g, 0.25);
    assert_true(um_guard_zscore(&g, 1) == 0);
}

/* As a number that is not finite is, though it changes neither mean nor deviation. */
static void a_spike_is_a_case_for_on_nan(void **state)
{
    (void)state;
    for (int policy = UM_ON_NAN_STOP; policy <= UM_ON_NAN_ROLLBACK; policy++)
        for (int guarded = 0; guarded < 2; guarded++) {
            subject *s = begin((um_on_nan)policy);
            s->t.settings.spike_zscore = guarded ? 5 : 0;
            s->guard = (um_guard){ .losses = UM_SPIKE_WINDOW, .loss_mean = 1e-3,
                                   .loss_variance = 1e-6 };
            remember(s);
            const um_guard before = s->guard;
            const um_status status = take_step(s);
            const bool skips = policy == UM_ON_NAN_SKIP;
            assert_int_equal(status, guarded && !skips ? UM_NOT_FINITE : UM_OK);
            assert_int_equal(s->step.made, !guarded);
            if (guarded) {
                check_unchanged(s);
                assert_non_null(strstr(skips ? s->warning : s->ctx.message,
                                       "deviations of 0.001 above its running mean 0.001 "
                                       "(train.spike_zscore = 5)"));
                assert_true(s->step.loss > 0 && s->step.report.grad_norm > 0);
                assert_true(s->guard.losses == before.losses &&
                            s->guard.loss_mean == before.loss_mean);
            }
            finish(s);
        }
}

static void a_validation_that_is_not_finite_is_named(void **state)
{
    (void)state;
    subject *s = begin(UM_ON_NAN_SKIP);
    um_validation v;
    CHECK_OK(&s->ctx, um_guard_validate(s->trainer, &s->feed, &s->batch, &v));
    assert_true(v.done && isfinite(v.loss));
    const size_t at = um_params_offset(s->params, um_params_find(s->params, "conv_out.bias"));
    s->blocks[3][at] = NAN; /* the average */
    assert_int_equal(um_guard_validate(s->trainer, &s->feed, &s->batch, &v), UM_NOT_FINITE);
    CHECK_TOLD(&s->ctx, "the validation after step 0 (seed 5): ");
    CHECK_TOLD(&s->ctx, "the value of conv_out.bias is not finite");
    assert_true(isfinite(s->params->values[at])); /* the weights are back in their place */
    finish(s);
}

/* Counted anew for each checkpoint. */
static void returns_to_one_checkpoint_are_limited(void **state)
{
    (void)state;
    subject *s = begin(UM_ON_NAN_ROLLBACK);
    static const struct {
        int64_t target;
        um_status status;
        int64_t returns, rollbacks;
    } cases[] = { { 0, UM_OK, 1, 1 }, { 0, UM_OK, 2, 2 }, { 4, UM_OK, 1, 3 },
                  { 4, UM_OK, 2, 4 }, { 4, UM_NOT_FINITE, 2, 4 } };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        um_fail(&s->ctx, UM_NOT_FINITE, "bad");
        assert_int_equal(um_guard_return(&s->guard, &s->ctx, &s->t.settings, cases[i].target),
                         cases[i].status);
        assert_true(s->guard.returns == cases[i].returns);
        assert_true(s->guard.rollbacks == cases[i].rollbacks);
    }
    CHECK_TOLD(&s->ctx, "bad; returns to the checkpoint of step 4 before it: 2 (train");
    assert_non_null(strstr(s->warning, "bad; back to the checkpoint of step 4"));
    finish(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_step_is_the_trainer_s),
        cmocka_unit_test(what_went_bad_first_is_named_and_nothing_is_changed),
        cmocka_unit_test(a_skipped_update_leaves_all_but_the_step),
        cmocka_unit_test(what_follows_a_skip_is_what_would_have_come_without),
        cmocka_unit_test(weights_that_an_update_spoils_are_named),
        cmocka_unit_test(a_gradient_too_large_to_square_is_bad),
        cmocka_unit_test(the_running_mean_and_variance_are_as_written),
        cmocka_unit_test(without_deviation_nothing_is_a_spike),
        cmocka_unit_test(a_spike_is_a_case_for_on_nan),
        cmocka_unit_test(a_validation_that_is_not_finite_is_named),
        cmocka_unit_test(returns_to_one_checkpoint_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
