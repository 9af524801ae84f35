/* SPDX-License-Identifier: MIT */
#include "train/trainer.h"

#include "io/json.h"
#include "io/safetensors.h"
#include "io/unet_file.h"
#include "support/check.h"
#include "support/golden.h"
#include "tensor/kernels/kernels.h"
#include "train/schedules.h"

#include <math.h>
#include <string.h>

enum { STEPS = 24, BATCH = 4, SIDE = 28, IMAGE = SIDE * SIDE };

/* The recipe of tests/golden/train (log.json says it). */
static um_train_settings recipe(void)
{
    return (um_train_settings){
        .steps = STEPS,
        .batch = BATCH,
        .accumulate = 1,
        .loss = um_loss_defaults(),
        .optimizer = UM_ADAMW,
        .lr = 1e-3,
        .beta1 = 0.95,
        .beta2 = 0.999,
        .eps = 1e-8,
        .weight_decay = 1e-2,
        .clip_norm = 1.0,
        .lr_schedule = UM_LR_COSINE,
        .warmup = 5,
        .ema_decay = 0.9999,
        .ema_warmup = true,
        .ema_inv_gamma = 1.0,
        .ema_power = 0.75,
    };
}

typedef struct run {
    um_ctx *ctx;
    um_schedule schedule;
    um_train_settings settings;
    um_unet *unet;
    um_trainer *trainer;
    um_safetensors data;
    double t[STEPS * BATCH];
    /* one channel: the file's order and ours are the same */
    float x0[STEPS * BATCH * IMAGE], noise[STEPS * BATCH * IMAGE];
} run;

static void start(run *r, um_ctx *ctx)
{
    const um_schedule_settings linear = um_schedule_defaults();
    r->ctx = ctx;
    CHECK_OK(ctx, um_schedule_init(ctx, &r->schedule, &linear));
    CHECK_OK(ctx, um_unet_file_load(&r->unet, ctx, golden_path("train/start")));
    CHECK_OK(ctx,
             um_trainer_open(&r->trainer, ctx, r->unet, &r->schedule, &r->settings, SIDE, SIDE));
    CHECK_OK(ctx, um_safetensors_open(&r->data, ctx, golden_path("train/run.safetensors")));
    CHECK_OK(ctx, um_stored_doubles(ctx, um_safetensors_find(&r->data, "t"), r->t, UM_COUNT(r->t)));
    CHECK_OK(ctx,
             um_stored_floats(ctx, um_safetensors_find(&r->data, "x0"), r->x0, UM_COUNT(r->x0)));
    CHECK_OK(ctx, um_stored_floats(ctx, um_safetensors_find(&r->data, "noise"), r->noise,
                                   UM_COUNT(r->noise)));
}

static void finish(run *r)
{
    um_safetensors_close(&r->data);
    um_trainer_close(&r->trainer);
    um_unet_close(&r->unet);
    um_schedule_free(r->ctx, &r->schedule);
}

static um_batch batch_of(run *r, int step, int t[BATCH], int labels[BATCH])
{
    for (int i = 0; i < BATCH; i++) t[i] = (int)r->t[step * BATCH + i], labels[i] = 0;
    return (um_batch){ BATCH, r->x0 + step * BATCH * IMAGE, r->noise + step * BATCH * IMAGE, t,
                       labels, NULL };
}

/* Our weights against "prefix.NAME" of the file: 1e-3 of the largest. */
static void check_weights(run *r, const char *prefix, const um_real *values)
{
    const um_params *params = um_unet_params(r->unet);
    double largest = 0, worst = 0;
    const char *where = "";
    for (int i = 0; i < params->count; i++) {
        const um_param *p = params->list[i];
        const size_t n = um_shape_count(p->shape);
        char name[300];
        snprintf(name, sizeof name, "%s.%s", prefix, p->name);
        float *expected = test_calloc(n, sizeof *expected), *ours = test_calloc(n, sizeof *ours);
        const um_stored *stored = um_safetensors_find(&r->data, name);
        assert_non_null(stored);
        CHECK_OK(r->ctx, um_stored_floats(r->ctx, stored, expected, n));
        um_param_to_file(p, values + um_params_offset(params, p), ours);
        for (size_t k = 0; k < n; k++) {
            const double error = fabs((double)ours[k] - (double)expected[k]);
            largest = fmax(largest, fabs((double)expected[k]));
            if (!(error <= worst)) worst = error, where = p->name;
        }
        test_free(expected);
        test_free(ours);
    }
    if (!(worst <= 1e-3 * largest))
        fail_msg("%s.%s is off by %g of %g", prefix, where, worst, largest);
}

static void steps_of_pytorch_are_reproduced_on(um_ctx *ctx)
{
    run *r = test_calloc(1, sizeof *r);
    um_json log;
    double loss[STEPS], norm[STEPS], lr[STEPS], decay[STEPS];
    r->settings = recipe();
    start(r, ctx);
    CHECK_OK(ctx, um_json_load(&log, ctx, golden_path("train/log.json")));
    assert_int_equal(um_json_reals(&log, "loss", loss, STEPS), STEPS);
    assert_int_equal(um_json_reals(&log, "grad_norm", norm, STEPS), STEPS);
    assert_int_equal(um_json_reals(&log, "lr", lr, STEPS), STEPS);
    assert_int_equal(um_json_reals(&log, "ema_decay", decay, STEPS), STEPS);
    um_json_close(&log);
    for (int i = 0; i < STEPS; i++) {
        int t[BATCH], labels[BATCH];
        const um_batch batch = batch_of(r, i, t, labels);
        um_step_report report;
        double ours;
        CHECK_OK(ctx, um_trainer_step(r->trainer, &batch, &ours, &report));
        CHECK_NEAR(ours, loss[i], 1e-3 * loss[i]);
        CHECK_NEAR(report.grad_norm, norm[i], 1e-3 * norm[i]);
        CHECK_NEAR(report.lr, lr[i], 1e-6 * 1e-3);
        CHECK_NEAR(report.ema_decay, decay[i], 1e-6);
    }
    check_weights(r, "end", um_unet_params(r->unet)->values);
    check_weights(r, "ema", um_trainer_optimizer(r->trainer)->ema);
    finish(r);
    test_free(r);
}

static void steps_of_pytorch_are_reproduced(void **state)
{
    um_ctx *ctx = *state;
    for (int i = 1; um_kernels_tier(i); i++) {
        print_message("on %s\n", um_kernels_tier(i)->isa);
        CHECK_OK(ctx, um_kernels_choose(ctx, um_kernels_tier(i)->isa));
        steps_of_pytorch_are_reproduced_on(ctx);
    }
    CHECK_OK(ctx, um_kernels_choose(ctx, "auto"));
}

/* 0 takes the parts that the network is fast at: here one, since a tape of the whole batch is
 * small. */
static void parts_of_its_own_choice_give_the_same_step(void **state)
{
    double loss[2];
    for (int k = 0; k < 2; k++) {
        run *r = test_calloc(1, sizeof *r);
        int t[BATCH], labels[BATCH];
        um_step_report report;
        r->settings = recipe();
        r->settings.accumulate = k;
        start(r, *state);
        const um_batch batch = batch_of(r, 0, t, labels);
        CHECK_OK(*(um_ctx **)state, um_trainer_step(r->trainer, &batch, &loss[k], &report));
        finish(r);
        test_free(r);
    }
    assert_true(loss[0] == loss[1]);
}

/* A batch computed in parts gives the same step, but for the order of sums. */
static void accumulating_gives_the_same_step(void **state)
{
    um_ctx *ctx = *state;
    double loss[2], norm[2];
    for (int k = 0; k < 2; k++) {
        run *r = test_calloc(1, sizeof *r);
        int t[BATCH], labels[BATCH];
        um_step_report report;
        r->settings = recipe();
        r->settings.accumulate = k == 0 ? 1 : 4;
        start(r, ctx);
        const um_batch batch = batch_of(r, 0, t, labels);
        CHECK_OK(ctx, um_trainer_step(r->trainer, &batch, &loss[k], &report));
        norm[k] = report.grad_norm;
        finish(r);
        test_free(r);
    }
    CHECK_NEAR(loss[1], loss[0], 1e-6 * loss[0]);
    CHECK_NEAR(norm[1], norm[0], 1e-5 * norm[0]);
}

static void step_once(um_ctx *ctx, bool recompute, int threads, um_real **weights, size_t *count,
                      size_t *bytes)
{
    run *r = test_calloc(1, sizeof *r);
    int t[BATCH], labels[BATCH];
    um_step_report report;
    double loss;
    const int before = ctx->threads;
    ctx->threads = threads;
    r->settings = recipe();
    r->settings.recompute = recompute;
    r->settings.warmup = 0;
    start(r, ctx);
    const um_batch batch = batch_of(r, 0, t, labels);
    CHECK_OK(ctx, um_trainer_step(r->trainer, &batch, &loss, &report));
    *count = um_unet_params(r->unet)->padded;
    *bytes = um_trainer_tape_bytes(r->trainer);
    *weights = test_calloc(*count, sizeof **weights);
    memcpy(*weights, um_unet_params(r->unet)->values, *count * sizeof **weights);
    finish(r);
    test_free(r);
    ctx->threads = before;
}

static void recomputing_gives_the_same_bits_in_less_memory(void **state)
{
    um_real *plain, *again;
    size_t count, bytes, fewer;
    step_once(*state, false, 1, &plain, &count, &bytes);
    step_once(*state, true, 1, &again, &count, &fewer);
    assert_memory_equal(plain, again, count * sizeof *plain);
    assert_true(fewer < bytes);
    test_free(plain);
    test_free(again);
}

static void threads_do_not_change_a_bit(void **state)
{
    um_real *one, *more;
    size_t count, bytes;
    step_once(*state, false, 1, &one, &count, &bytes);
    for (int threads = 2; threads <= 3; threads++) {
        step_once(*state, false, threads, &more, &count, &bytes);
        assert_memory_equal(one, more, count * sizeof *one);
        test_free(more);
    }
    test_free(one);
}

/* The losses of a validation do not depend on which images share a batch. */
static void a_loss_belongs_to_its_image(void **state)
{
    um_ctx *ctx = *state;
    run *r = test_calloc(1, sizeof *r);
    int t[BATCH], labels[BATCH];
    double all[BATCH], one;
    r->settings = recipe();
    start(r, ctx);
    um_batch batch = batch_of(r, 0, t, labels);
    CHECK_OK(ctx, um_trainer_losses(r->trainer, &batch, all, NULL));
    batch = (um_batch){ 1, batch.x0 + 2 * IMAGE, batch.noise + 2 * IMAGE, t + 2, labels + 2, NULL };
    CHECK_OK(ctx, um_trainer_losses(r->trainer, &batch, &one, NULL));
    assert_memory_equal(&one, &all[2], sizeof one);
    finish(r);
    test_free(r);
}

/* Of a step's loss: weights of the timestep, and of the image that was drawn by importance; what is
 * learnt of the losses has the former alone. */
static void every_image_counts_by_its_weights(void **state)
{
    um_ctx *ctx = *state;
    for (int kind = 0; kind < 2; kind++) {
        run *r = test_calloc(1, sizeof *r);
        int t[BATCH], labels[BATCH];
        double each[BATCH], loss, sum = 0, weights[BATCH] = { 0.5, 1, 2, 3 };
        um_step_report report;
        r->settings = recipe();
        r->settings.accumulate = 2;
        r->settings.timestep_sampling = UM_TIMESTEPS_LOSS_SECOND_MOMENT;
        r->settings.loss.weighting = kind ? UM_WEIGHTING_MIN_SNR : UM_WEIGHTING_UNIFORM;
        start(r, ctx);
        um_batch batch = batch_of(r, 0, t, labels);
        for (int i = 0; i < BATCH; i++) t[i] = 30 * i; /* signal to noise above gamma */
        batch.weights = weights;
        CHECK_OK(ctx, um_trainer_losses(r->trainer, &batch, each, NULL));
        CHECK_OK(ctx, um_trainer_step(r->trainer, &batch, &loss, &report));
        const um_timestep_sampler *s = um_trainer_timesteps(r->trainer);
        for (int i = 0; i < BATCH; i++) {
            const double snr = um_schedule_snr(&r->schedule, t[i]);
            const double term = each[i] * (kind ? fmin(1, 5 / snr) : 1); /* predicts epsilon */
            sum += weights[i] * term / BATCH;
            CHECK_NEAR(s->history[t[i] * UM_LOSS_HISTORY], term, 1e-6 * term);
            assert_true(s->count[t[i]] == 1);
        }
        CHECK_NEAR(loss, sum, 1e-6 * sum);
        finish(r);
        test_free(r);
    }
}

/* A network of one small block, `times` as many channels out as in, at values of its own. */
static um_unet *small_network(um_ctx *ctx, int times, int rows)
{
    um_unet_config c;
    um_unet *unet;
    um_unet_config_default(&c);
    c.in_channels = c.levels = c.layers_per_block = 1;
    c.out_channels = times;
    c.channels[0] = 4;
    c.norm_num_groups = 2;
    c.down_attention[0] = c.up_attention[0] = c.add_attention = false;
    if (rows) c.class_embed_type = UM_CLASS_TABLE, c.num_class_embeds = rows, c.null_class = true;
    CHECK_OK(ctx, um_unet_open(&unet, ctx, &c));
    um_params *params = um_unet_params(unet);
    for (size_t i = 0; i < params->padded; i++) params->values[i] = (um_real)(0.1 * sin((double)i));
    return unet;
}

/* L_simple + lambda T L_t: more of lambda adds the same again, and the part that gives the mean
 * learns from the simple loss alone. */
static void the_hybrid_loss_adds_the_bound(void **state)
{
    um_ctx *ctx = *state;
    enum { PIXELS = 64 };
    um_schedule schedule;
    um_schedule_settings linear = um_schedule_defaults();
    double losses[3];
    float x0[PIXELS] = { 0.5f }, noise[PIXELS] = { 1, -1 };
    CHECK_OK(ctx, um_schedule_init(ctx, &schedule, &linear));
    for (int k = 0; k < 3; k++) {
        um_unet *unet = small_network(ctx, 2, 0);
        um_trainer *trainer;
        um_train_settings settings = recipe();
        um_step_report report;
        int t = 500, label = 0;
        double each;
        settings.batch = 1;
        settings.loss.variance = UM_VARIANCE_MODEL_LEARNED_RANGE;
        settings.loss.vlb_weight = 0.001 * k;
        CHECK_OK(ctx, um_trainer_open(&trainer, ctx, unet, &schedule, &settings, 8, 8));
        const um_batch batch = { 1, x0, noise, &t, &label, NULL };
        CHECK_OK(ctx, um_trainer_losses(trainer, &batch, &each, NULL));
        CHECK_OK(ctx, um_trainer_step(trainer, &batch, &losses[k], &report));
        CHECK_NEAR(each, losses[k], 1e-6 * each);
        /* conv_out's bias [1, 1, 1, 2]: of the mean, and of the variance */
        const um_params *params = um_unet_params(unet);
        const um_param *bias = params->list[params->count - 1];
        assert_string_equal(bias->name, "conv_out.bias");
        assert_true((bias->grad[1] != 0) == (k > 0));
        assert_true(bias->grad[0] != 0);
        um_trainer_close(&trainer);
        um_unet_close(&unet);
    }
    assert_true(losses[1] > losses[0]); /* a divergence is above 0 */
    CHECK_NEAR(losses[2] - losses[1], losses[1] - losses[0], 1e-6 * losses[2]);
    um_schedule_free(ctx, &schedule);
}

/* Scores that are all bias: the loss of class k is log sum exp(bias) - bias[k]. */
static void a_classifier_learns_its_labels(void **state)
{
    um_ctx *ctx = *state;
    enum { PIXELS = 64, N = 3 };
    um_schedule schedule;
    um_schedule_settings linear = um_schedule_defaults();
    um_unet_config c;
    um_unet *unet;
    um_trainer *trainer;
    um_train_settings settings = recipe();
    um_step_report report;
    float x0[N * PIXELS] = { 0.5f }, noise[N * PIXELS] = { 1, -1 };
    int t[N] = { 0, 500, 999 }, labels[N] = { 2, 0, 2 };
    bool right[N];
    double losses[N], loss;
    CHECK_OK(ctx, um_schedule_init(ctx, &schedule, &linear));
    um_unet_config_default(&c);
    c.in_channels = c.out_channels = c.levels = c.layers_per_block = 1;
    c.channels[0] = 4;
    c.norm_num_groups = 2;
    c.down_attention[0] = c.up_attention[0] = c.add_attention = false;
    c.logits = 3;
    settings.batch = N;
    CHECK_OK(ctx, um_unet_open(&unet, ctx, &c));
    um_params_initialise(um_unet_params(unet), 1);
    um_real *bias = um_params_find(um_unet_params(unet), "head_scores.bias")->value;
    for (int k = 0; k < 3; k++) bias[k] = (um_real)k;
    CHECK_OK(ctx, um_trainer_open(&trainer, ctx, unet, &schedule, &settings, 8, 8));
    const um_batch batch = { N, x0, noise, t, labels, NULL };
    CHECK_OK(ctx, um_trainer_losses(trainer, &batch, losses, right));
    const double all = log(1 + exp(1) + exp(2));
    for (int i = 0; i < N; i++) {
        CHECK_NEAR(losses[i], all - labels[i], 1e-6);
        assert_true(right[i] == (labels[i] == 2));
    }
    CHECK_OK(ctx, um_trainer_step(trainer, &batch, &loss, &report));
    CHECK_NEAR(loss, all - 4.0 / 3, 1e-6);
    /* the softmax less the labels' share */
    const um_real *grad = um_params_find(um_unet_params(unet), "head_scores.bias")->grad;
    const double share[3] = { 1.0 / 3, 0, 2.0 / 3 };
    double sum = 0;
    for (int k = 0; k < 3; k++) sum += fabs((double)grad[k] - (exp(k) / exp(all) - share[k]));
    CHECK_NEAR(sum, 0, 1e-6);
    um_trainer_close(&trainer);
    um_unet_close(&unet);
    um_schedule_free(ctx, &schedule);
}

static void channels_out_must_fit_the_variance(void **state)
{
    um_ctx *ctx = *state;
    um_schedule schedule;
    um_schedule_settings linear = um_schedule_defaults();
    CHECK_OK(ctx, um_schedule_init(ctx, &schedule, &linear));
    for (int times = 1; times <= 2; times++) {
        um_unet *unet = small_network(ctx, times, 0);
        um_trainer *trainer;
        um_train_settings settings = recipe();
        if (times == 1) settings.loss.variance = UM_VARIANCE_MODEL_LEARNED_RANGE;
        assert_int_equal(um_trainer_open(&trainer, ctx, unet, &schedule, &settings, 8, 8),
                         UM_BAD_ARG);
        assert_non_null(strstr(ctx->message, times == 1 ? "variance = learned_range"
                                                        : "variance = fixed"));
        assert_null(trainer);
        um_unet_close(&unet);
    }
    um_schedule_free(ctx, &schedule);
}

/* A label that is not shown is the last row of the table of classes. */
static void no_label_is_the_null_class(void **state)
{
    um_ctx *ctx = *state;
    enum { CLASSES = 3, PIXELS = 64 };
    um_trainer *trainer;
    um_schedule schedule;
    um_schedule_settings linear = um_schedule_defaults();
    um_train_settings settings = recipe();
    float x0[PIXELS] = { 0.5f }, noise[PIXELS] = { 1, -1 };
    double losses[2];
    um_unet *unet = small_network(ctx, 1, CLASSES + 1);
    settings.batch = 1;
    CHECK_OK(ctx, um_schedule_init(ctx, &schedule, &linear));
    CHECK_OK(ctx, um_trainer_open(&trainer, ctx, unet, &schedule, &settings, 8, 8));
    for (int k = 0; k < 2; k++) {
        int t = 500, label = k == 0 ? -1 : CLASSES;
        const um_batch batch = { 1, x0, noise, &t, &label, NULL };
        CHECK_OK(ctx, um_trainer_losses(trainer, &batch, &losses[k], NULL));
    }
    assert_true(losses[0] == losses[1]);
    int t = 500, label = 0;
    const um_batch shown = { 1, x0, noise, &t, &label, NULL };
    CHECK_OK(ctx, um_trainer_losses(trainer, &shown, &losses[1], NULL));
    assert_true(losses[0] != losses[1]);
    um_trainer_close(&trainer);
    um_unet_close(&unet);
    um_schedule_free(ctx, &schedule);
}

static int open_ctx(void **state)
{
    um_ctx *ctx = test_calloc(1, sizeof *ctx);
    um_ctx_init(ctx);
    ctx->threads = 2;
    *state = ctx;
    return um_kernels_choose(ctx, "auto");
}

static int close_ctx(void **state)
{
    test_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_of_pytorch_are_reproduced),
        cmocka_unit_test(parts_of_its_own_choice_give_the_same_step),
        cmocka_unit_test(accumulating_gives_the_same_step),
        cmocka_unit_test(recomputing_gives_the_same_bits_in_less_memory),
        cmocka_unit_test(threads_do_not_change_a_bit),
        cmocka_unit_test(a_loss_belongs_to_its_image),
        cmocka_unit_test(every_image_counts_by_its_weights),
        cmocka_unit_test(the_hybrid_loss_adds_the_bound),
        cmocka_unit_test(a_classifier_learns_its_labels),
        cmocka_unit_test(channels_out_must_fit_the_variance),
        cmocka_unit_test(no_label_is_the_null_class),
    };
    return cmocka_run_group_tests(tests, open_ctx, close_ctx);
}
