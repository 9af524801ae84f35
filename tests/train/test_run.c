/* SPDX-License-Identifier: MIT */
#include "train/run.h"

#include "io/unet_file.h"
#include "support/failing.h"
#include "support/scratch.h"
#include "train/tiny.h"

#include <time.h>

/* One training: what goes in, what its hooks saw, what came out. */
typedef struct training {
    um_ctx *ctx;
    tiny t;
    const char *out;
    bool resume, draws;
    int cancel_at;      /* um_check_cancelled says stop at its k-th call; 0: never */
    int draw_fails_at;  /* the picture of this step fails with draw_status */
    um_status draw_status;
    double nap;         /* seconds that each step is made longer */
    int asked, told, drawn;
    um_train_status last;
    um_status status;
    um_train_result result;
} training;

static bool cancelled(void *user)
{
    training *r = user;
    return ++r->asked == r->cancel_at;
}

static void told(void *user, const um_train_status *status)
{
    training *r = user;
    const struct timespec nap = { 0, (long)(r->nap * 1e9) };
    r->told++;
    r->last = *status;
    if (r->nap > 0) nanosleep(&nap, NULL);
}

/* A picture that holds the network's weights. */
static um_status draw(void *user, um_unet *unet, int64_t step, const char *path)
{
    training *r = user;
    const um_params *p = um_unet_params(unet);
    if (r->draw_fails_at == step) return um_fail(r->ctx, r->draw_status, "no picture");
    r->drawn++;
    return um_file_write(r->ctx, path, p->values, p->padded * sizeof *p->values);
}

/* Ready to be told what is special about it. */
static training *prepare(um_ctx *ctx, const char *out)
{
    training *r = test_calloc(1, sizeof *r);
    r->ctx = ctx;
    r->out = out;
    ctx->threads = 1;
    CHECK_OK(ctx, tiny_begin(&r->t, ctx));
    r->t.settings.log_every = 3;
    r->t.settings.checkpoint_every = 12;
    CHECK_OK(ctx, um_folder_make(ctx, out));
    return r;
}

static training *resumed(um_ctx *ctx, const char *out)
{
    training *r = prepare(ctx, out);
    r->resume = true;
    return r;
}

static void go(training *r)
{
    CHECK_OK(r->ctx, tiny_network(&r->t, 4));
    const um_train_request request = {
        .settings = &r->t.settings, .unet = r->t.unet, .schedule = &r->t.schedule,
        .data = &r->t.data, .scheduler = &r->t.scheduler, .out = r->out, .resume = r->resume,
        .told = told, .draw = r->draws ? draw : NULL, .user = r,
    };
    r->ctx->cancelled = cancelled;
    r->ctx->cancel_user = r;
    r->status = um_train(r->ctx, &request, &r->result);
    r->ctx->cancelled = NULL;
}

static void end(training *r)
{
    tiny_end(&r->t);
    test_free(r);
}

/* To its end, as nothing else is said. */
static void complete(training *r)
{
    go(r);
    CHECK_OK(r->ctx, r->status);
    assert_true(r->result.finished);
    end(r);
}

static const char *in(const char *out, const char *name)
{
    static char text[4][2 * SCRATCH_PATH];
    static int next;
    char *path = text[next++ % 4];
    snprintf(path, sizeof text[0], "%s/%s", out, name);
    return path;
}

static um_bytes bytes_of(um_ctx *ctx, const char *out, const char *name)
{
    um_bytes b;
    CHECK_OK(ctx, um_file_read(ctx, in(out, name), 1 << 24, &b));
    return b;
}

static void check_same_file(um_ctx *ctx, const char *a, const char *b, const char *name)
{
    const um_bytes x = bytes_of(ctx, a, name), y = bytes_of(ctx, b, name);
    if (x.size != y.size || memcmp(x.data, y.data, x.size) != 0)
        fail_msg("%s differs from %s in %s", b, a, name);
    um_free(ctx, x.data);
    um_free(ctx, y.data);
}

/* log.csv with its two columns of time cut out. */
static char *log_of(um_ctx *ctx, const char *out)
{
    const um_bytes b = bytes_of(ctx, out, "log.csv");
    char *text = test_calloc(b.size + 1, 1), *to = text;
    int column = 0;
    for (const char *c = (const char *)b.data; *c; c++) {
        if (*c == ',' || *c == '\n') column = *c == '\n' ? 0 : column + 1;
        if (column != 5 && column != 6) *to++ = *c;
    }
    um_free(ctx, b.data);
    return text;
}

static int rows_of(um_ctx *ctx, const char *out)
{
    char *log = log_of(ctx, out);
    int lines = 0;
    for (const char *c = log; *c; c++) lines += *c == '\n';
    test_free(log);
    return lines - 1;
}

static void check_same_run(um_ctx *ctx, const char *a, const char *b)
{
    char *x = log_of(ctx, a), *y = log_of(ctx, b);
    check_same_file(ctx, a, b, "model/unet/diffusion_pytorch_model.safetensors");
    check_same_file(ctx, a, b, "model/unet/config.json");
    check_same_file(ctx, a, b, "checkpoints/step-0000012/unet/diffusion_pytorch_model.safetensors");
    check_same_file(ctx, a, b, "checkpoints/step-0000012/training_state.safetensors");
    assert_string_equal(x, y);
    test_free(x);
    test_free(y);
}

/* Stopped after so many steps, then resumed on another number of threads. */
static void stopping_and_resuming_changes_nothing(void **state)
{
    scratch *s = *state;
    static const int stops[] = { 0, 1, 5, 11 };
    char whole[SCRATCH_PATH];
    snprintf(whole, sizeof whole, "%s", scratch_path(s, "whole"));
    complete(prepare(&s->ctx, whole));
    for (size_t i = 0; i < UM_COUNT(stops); i++) {
        const char *out = scratch_path(s, "stopped");
        training *r = prepare(&s->ctx, out);
        r->cancel_at = stops[i] + 1;
        go(r);
        assert_int_equal(r->status, UM_CANCELLED);
        assert_int_equal(r->result.step, stops[i]);
        assert_int_equal(r->result.images, stops[i] * 4);
        assert_false(r->result.finished);
        assert_false(um_path_exists(in(out, "model")));
        end(r);

        r = resumed(&s->ctx, out);
        s->ctx.threads = 3;
        go(r);
        CHECK_OK(&s->ctx, r->status);
        assert_int_equal(r->result.started_at, stops[i]);
        assert_int_equal(r->result.step, 12);
        assert_int_equal(r->told, 12 - stops[i]);
        assert_true(r->result.finished);
        end(r);
        check_same_run(&s->ctx, whole, out);
        CHECK_OK(&s->ctx, um_folder_remove(&s->ctx, out));
    }
}

/* The same in parts of a batch, without an average, with Adam. */
static void other_settings_resume_as_well(void **state)
{
    scratch *s = *state;
    char out[2][SCRATCH_PATH];
    for (int stop = 0; stop < 2; stop++) {
        snprintf(out[stop], SCRATCH_PATH, "%s", scratch_path(s, stop ? "stopped" : "whole"));
        for (int part = 0; part <= stop; part++) {
            training *r = prepare(&s->ctx, out[stop]);
            r->t.settings.accumulate = 2;
            r->t.settings.ema_decay = 0;
            r->t.settings.optimizer = UM_ADAM;
            r->t.settings.recompute = true;
            r->t.settings.prediction = UM_PREDICTION_V;
            r->cancel_at = stop && part == 0 ? 8 : 0;
            r->resume = part;
            go(r);
            assert_int_equal(r->status, r->cancel_at ? UM_CANCELLED : UM_OK);
            end(r);
        }
    }
    check_same_run(&s->ctx, out[0], out[1]);
}

/* Without warning: the rows behind the checkpoint are of steps that are done again. */
static void what_a_crash_left_is_made_good(void **state)
{
    scratch *s = *state;
    char whole[SCRATCH_PATH];
    const char *out = scratch_path(s, "crashed");
    for (int crash = 0; crash < 2; crash++) {
        if (!crash) snprintf(whole, sizeof whole, "%s", scratch_path(s, "whole"));
        training *r = prepare(&s->ctx, crash ? out : whole);
        r->t.settings.checkpoint_every = 4;
        r->t.settings.log_every = 1;
        r->t.settings.sample_every = 7;
        r->draws = true;
        r->draw_fails_at = crash ? 7 : 0;
        r->draw_status = UM_IO;
        go(r);
        assert_int_equal(r->status, crash ? UM_IO : UM_OK);
        if (crash) assert_int_equal(r->result.step, 7);
        end(r);
    }
    assert_int_equal(rows_of(&s->ctx, out), 7);
    FILE *log = fopen(in(out, "log.csv"), "ab");
    assert_non_null(log);
    fputs("8,32,0.12", log);
    fclose(log);
    training *r = resumed(&s->ctx, out);
    r->t.settings.log_every = 1;
    go(r);
    CHECK_OK(&s->ctx, r->status);
    assert_int_equal(r->result.started_at, 4);
    end(r);
    check_same_run(&s->ctx, whole, out);
}

static void time_ends_a_call_not_the_run(void **state)
{
    scratch *s = *state;
    char whole[SCRATCH_PATH];
    const char *out = scratch_path(s, "timed");
    snprintf(whole, sizeof whole, "%s", scratch_path(s, "whole"));
    complete(prepare(&s->ctx, whole));
    training *r = prepare(&s->ctx, out);
    r->t.settings.max_time = 0.1;
    r->nap = 0.04;
    go(r);
    CHECK_OK(&s->ctx, r->status);
    assert_in_range(r->result.step, 1, 3);
    assert_false(r->result.finished);
    assert_true(r->result.seconds >= 0.1 && r->result.seconds < 5);
    assert_true(r->last.seconds_left <= 0.1);
    end(r);
    complete(resumed(&s->ctx, out));
    check_same_run(&s->ctx, whole, out);
}

static void a_run_at_its_end_does_no_more(void **state)
{
    scratch *s = *state;
    const char *out = scratch_path(s, "run");
    complete(prepare(&s->ctx, out));
    char *before = log_of(&s->ctx, out);
    training *r = resumed(&s->ctx, out);
    go(r);
    CHECK_OK(&s->ctx, r->status);
    assert_true(r->result.finished);
    assert_int_equal(r->told, 0);
    assert_int_equal(r->result.step, 12);
    assert_int_equal(r->result.started_at, 12);
    assert_true(r->result.images_per_second == 0);
    end(r);
    char *after = log_of(&s->ctx, out);
    assert_string_equal(before, after);
    test_free(before);
    test_free(after);
}

static void with_nothing_to_resume_it_begins(void **state)
{
    scratch *s = *state;
    char whole[SCRATCH_PATH];
    const char *out = scratch_path(s, "empty");
    snprintf(whole, sizeof whole, "%s", scratch_path(s, "whole"));
    complete(prepare(&s->ctx, whole));
    CHECK_OK(&s->ctx, um_folder_make(&s->ctx, in(out, "checkpoints")));
    scratch_write(s, "empty/checkpoints/.step-0000004.unmist-1-1/training_state.json", "{", 1);
    complete(resumed(&s->ctx, out));
    check_same_run(&s->ctx, whole, out);
}

/* What progress and result say of validation is what the log says. */
static void validation_is_told_and_logged(void **state)
{
    scratch *s = *state;
    const char *out = scratch_path(s, "run");
    training *r = prepare(&s->ctx, out);
    r->t.settings.validate_every = 5; /* and at the end */
    go(r);
    CHECK_OK(&s->ctx, r->status);
    const um_validation *v = &r->result.validation;
    char expected[400];
    assert_true(v->done && v->loss > 0);
    assert_true(r->last.validation.done);
    snprintf(expected, sizeof expected, ",%.9g,%.9g,%.9g,%.9g,%.9g\n", v->loss, v->quarter[0],
             v->quarter[1], v->quarter[2], v->quarter[3]);
    CHECK_NEAR(v->loss, (2 * (v->quarter[0] + v->quarter[1] + v->quarter[2]) + v->quarter[3]) / 7,
               1e-9);
    end(r);
    assert_int_equal(rows_of(&s->ctx, out), 6); /* 3, 5, 6, 9, 10, 12 */
    char *log = log_of(&s->ctx, out);
    assert_string_equal(log + strlen(log) - strlen(expected), expected);
    test_free(log);
}

/* log_every, validate_every, rows that then stand there */
static void zero_switches_a_kind_of_row_off(void **state)
{
    scratch *s = *state;
    static const struct {
        int log_every, validate_every, held, rows;
        const char *why;
    } cases[] = {
        { 1, 4, TINY_HELD, 12, "all" },
        { 5, 0, TINY_HELD, 3, "5, 10 and the last" },
        { 0, 4, TINY_HELD, 3, "4, 8, 12: validations alone" },
        { 0, 5, TINY_HELD, 3, "5, 10, 12: a validation at the end" },
        { 0, 0, TINY_HELD, 0, "none" },
        { 0, 4, 0, 0, "nothing is held out" },
        { 4, 4, 0, 3, "nothing is held out, rows are asked for" },
        { 100, 0, TINY_HELD, 1, "the last" },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        const char *out = scratch_path(s, "run");
        print_message("%s\n", cases[i].why);
        training *r = prepare(&s->ctx, out);
        r->t.settings.log_every = cases[i].log_every;
        r->t.settings.validate_every = cases[i].validate_every;
        r->t.data.held = cases[i].held;
        complete(r);
        assert_int_equal(rows_of(&s->ctx, out), cases[i].rows);
        CHECK_OK(&s->ctx, um_folder_remove(&s->ctx, out));
    }
}

/* A row has the mean of the losses since the row before. */
static void rows_hold_means(void **state)
{
    scratch *s = *state;
    double each[12], sum = 0;
    const char *fine = scratch_path(s, "fine"), *coarse = scratch_path(s, "coarse");
    training *r = prepare(&s->ctx, fine);
    r->t.settings.log_every = 1;
    complete(r);
    r = prepare(&s->ctx, coarse);
    r->t.settings.log_every = 12;
    r->t.settings.validate_every = 0;
    complete(r);
    char *log = log_of(&s->ctx, fine);
    const char *line = log;
    for (int i = 0; i < 12; i++) {
        int step, images;
        line = strchr(line, '\n') + 1;
        assert_int_equal(sscanf(line, "%d,%d,%lf", &step, &images, &each[i]), 3);
        assert_true(step == i + 1 && images == 4 * step);
        sum += each[i];
    }
    test_free(log);
    log = log_of(&s->ctx, coarse);
    double mean;
    assert_int_equal(sscanf(strchr(log, '\n') + 1, "12,48,%lf", &mean), 1);
    CHECK_NEAR(mean, sum / 12, 1e-8);
    test_free(log);
}

static void as_many_checkpoints_stay_as_asked_for(void **state)
{
    scratch *s = *state;
    static const struct {
        int every, keep, left;
    } cases[] = { { 3, 2, 2 }, { 3, 0, 4 }, { 5, 10, 3 }, { 1, 1, 1 }, { 0, 3, -1 } };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        const char *out = scratch_path(s, "run");
        training *r = prepare(&s->ctx, out);
        r->t.settings.checkpoint_every = cases[i].every;
        r->t.settings.keep = cases[i].keep;
        complete(r);
        const char *folder = in(out, "checkpoints");
        assert_int_equal(um_path_is_folder(folder), cases[i].left > 0);
        if (cases[i].left > 0) {
            assert_int_equal(scratch_entries(s, folder), cases[i].left);
            assert_true(um_path_holds(folder, "step-0000012"));
        }
        CHECK_OK(&s->ctx, um_folder_remove(&s->ctx, out));
    }
}

/* Not even with checkpoints switched off is a stopped run lost. */
static void a_stop_saves_without_checkpoints_too(void **state)
{
    scratch *s = *state;
    const char *out = scratch_path(s, "run");
    training *r = prepare(&s->ctx, out);
    r->t.settings.checkpoint_every = 0;
    r->cancel_at = 4;
    go(r);
    assert_int_equal(r->status, UM_CANCELLED);
    assert_true(um_path_is_folder(in(out, "checkpoints/step-0000003")));
    end(r);
    r = resumed(&s->ctx, out);
    r->t.settings.checkpoint_every = 0;
    complete(r);
    assert_int_equal(scratch_entries(s, in(out, "checkpoints")), 1);
}

/* Each picture is of the average as it is then: that of the last step is the model. */
static void pictures_are_of_the_average(void **state)
{
    scratch *s = *state;
    const char *out = scratch_path(s, "run");
    training *r = prepare(&s->ctx, out);
    r->t.settings.sample_every = 6;
    r->draws = true;
    go(r);
    CHECK_OK(&s->ctx, r->status);
    assert_int_equal(r->drawn, 2);
    assert_int_equal(scratch_entries(s, in(out, "samples")), 2);
    const um_bytes picture = bytes_of(&s->ctx, out, "samples/step-0000012.png");
    um_unet *unet;
    CHECK_OK(&s->ctx, um_unet_file_load(&unet, &s->ctx, in(out, "model/unet")));
    assert_memory_equal(picture.data, um_unet_params(unet)->values, picture.size);
    assert_memory_not_equal(picture.data, um_unet_params(r->t.unet)->values, picture.size);
    um_unet_close(&unet);
    um_free(&s->ctx, picture.data);
    end(r);
}

static void a_stop_while_drawing_loses_nothing(void **state)
{
    scratch *s = *state;
    char whole[SCRATCH_PATH];
    const char *out = scratch_path(s, "stopped");
    snprintf(whole, sizeof whole, "%s", scratch_path(s, "whole"));
    training *r = prepare(&s->ctx, whole);
    r->t.settings.sample_every = 6;
    r->draws = true;
    complete(r);
    for (int at = 6; at <= 12; at += 6) {
        r = at == 6 ? prepare(&s->ctx, out) : resumed(&s->ctx, out);
        r->t.settings.sample_every = 6;
        r->draws = true;
        r->draw_fails_at = at;
        r->draw_status = UM_CANCELLED;
        go(r);
        assert_int_equal(r->status, UM_CANCELLED);
        assert_int_equal(r->result.step, at);
        assert_false(r->result.finished);
        end(r);
    }
    r = resumed(&s->ctx, out);
    r->t.settings.sample_every = 6;
    r->draws = true;
    complete(r);
    check_same_run(&s->ctx, whole, out);
    check_same_file(&s->ctx, whole, out, "samples/step-0000006.png");
    check_same_file(&s->ctx, whole, out, "samples/step-0000012.png");
}

static void each_step_is_told(void **state)
{
    scratch *s = *state;
    training *r = prepare(&s->ctx, scratch_path(s, "run"));
    go(r);
    CHECK_OK(&s->ctx, r->status);
    assert_int_equal(r->told, 12);
    assert_int_equal(r->last.step, 12);
    assert_int_equal(r->last.steps, 12);
    assert_true(r->last.loss > 0 && r->last.images_per_second > 0 && r->last.seconds_left == 0);
    assert_true(r->result.seconds > 0 && r->result.seconds < 60 && r->result.tape_bytes > 0);
    end(r);
}

/* A file where a folder or a file is to be written is an error, and stays as it was. */
static void what_stands_in_the_way_is_said_and_stays(void **state)
{
    scratch *s = *state;
    static const struct {
        const char *name;
        int64_t step;
    } cases[] = { { "checkpoints", 6 }, { "samples", 6 }, { "model", 12 } };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        const char *out = scratch_path(s, "run");
        training *r = prepare(&s->ctx, out);
        char name[64];
        snprintf(name, sizeof name, "run/%s", cases[i].name);
        const char *file = scratch_write(s, name, "mine", 4);
        r->t.settings.sample_every = r->t.settings.checkpoint_every = 6;
        r->draws = true;
        go(r);
        assert_int_equal(r->status, UM_IO);
        CHECK_TOLD(&s->ctx, file);
        assert_int_equal(r->result.step, cases[i].step);
        assert_false(r->result.finished);
        end(r);
        const um_bytes left = bytes_of(&s->ctx, out, cases[i].name);
        assert_string_equal((const char *)left.data, "mine");
        um_free(&s->ctx, left.data);
        CHECK_OK(&s->ctx, um_folder_remove(&s->ctx, out));
    }
}

static void a_checkpoint_that_does_not_fit_ends_it(void **state)
{
    scratch *s = *state;
    const char *out = scratch_path(s, "run");
    training *r = prepare(&s->ctx, out);
    r->cancel_at = 6;
    go(r);
    end(r);
    scratch_write(s, "run/checkpoints/step-0000005/training_state.json", "{}", 2);
    char *before = log_of(&s->ctx, out);
    r = resumed(&s->ctx, out);
    go(r);
    assert_int_equal(r->status, UM_BAD_FILE);
    assert_int_equal(r->result.step, 0);
    assert_true(r->result.seconds < 60 && r->result.images_per_second == 0);
    end(r);
    char *after = log_of(&s->ctx, out);
    assert_string_equal(before, after);
    test_free(before);
    test_free(after);
}

/* Weights thrown far away: the next gradient is not finite, and what was saved before stays. */
static void numbers_that_go_bad_stop_the_run(void **state)
{
    scratch *s = *state;
    const char *out = scratch_path(s, "run");
    training *r = prepare(&s->ctx, out);
    r->t.settings.lr = 1e30;
    r->t.settings.lr_schedule = UM_LR_CONSTANT;
    r->t.settings.warmup = 0;
    r->t.settings.checkpoint_every = 1;
    r->t.settings.validate_every = 0;
    go(r);
    assert_int_equal(r->status, UM_NOT_FINITE);
    assert_int_equal(r->result.step, 1);
    CHECK_TOLD(&s->ctx, "step 2");
    assert_false(r->result.finished);
    assert_false(um_path_exists(in(out, "model")));
    assert_int_equal(scratch_entries(s, in(out, "checkpoints")), 1);
    end(r);
}

static void no_steps_give_the_model_as_it_began(void **state)
{
    scratch *s = *state;
    const char *out = scratch_path(s, "run");
    training *r = prepare(&s->ctx, out);
    r->t.settings.steps = 0;
    complete(r);
    assert_true(um_path_is_folder(in(out, "model")));
    assert_int_equal(rows_of(&s->ctx, out), 0);
}

/* Two steps with all that belongs to them; a failed call may leave files, never memory. */
static um_status train_once(um_ctx *ctx, void *arg)
{
    const char *out = arg;
    um_ctx plain;
    tiny t;
    um_train_result result;
    um_ctx_init(&plain);
    ctx->threads = 1;
    CHECK_OK(&plain, um_folder_make(&plain, out));
    um_status status = tiny_begin(&t, ctx);
    t.settings.steps = t.settings.validate_every = t.settings.checkpoint_every = 2;
    t.settings.keep = 1;
    if (status == UM_OK) status = tiny_network(&t, 2);
    const um_train_request request = { .settings = &t.settings, .unet = t.unet,
                                       .schedule = &t.schedule, .data = &t.data,
                                       .scheduler = &t.scheduler, .out = out, .resume = true };
    if (status == UM_OK) status = um_train(ctx, &request, &result);
    tiny_end(&t);
    CHECK_OK(&plain, um_folder_remove(&plain, out));
    return status;
}

static void want_of_memory_is_said_and_leaves_nothing(void **state)
{
    scratch *s = *state;
    char out[SCRATCH_PATH];
    snprintf(out, sizeof out, "%s", scratch_path(s, "run"));
    check_every_allocation(train_once, out);
}

int main(void)
{
    if (um_path_is_folder("/dev/shm")) /* hundreds of flushes, which cost nothing there */
        setenv("TMPDIR", "/dev/shm", 0);
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(stopping_and_resuming_changes_nothing),
        TEST(other_settings_resume_as_well),
        TEST(what_a_crash_left_is_made_good),
        TEST(time_ends_a_call_not_the_run),
        TEST(a_run_at_its_end_does_no_more),
        TEST(with_nothing_to_resume_it_begins),
        TEST(validation_is_told_and_logged),
        TEST(zero_switches_a_kind_of_row_off),
        TEST(rows_hold_means),
        TEST(as_many_checkpoints_stay_as_asked_for),
        TEST(a_stop_saves_without_checkpoints_too),
        TEST(pictures_are_of_the_average),
        TEST(a_stop_while_drawing_loses_nothing),
        TEST(each_step_is_told),
        TEST(what_stands_in_the_way_is_said_and_stays),
        TEST(a_checkpoint_that_does_not_fit_ends_it),
        TEST(numbers_that_go_bad_stop_the_run),
        TEST(no_steps_give_the_model_as_it_began),
        TEST(want_of_memory_is_said_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
