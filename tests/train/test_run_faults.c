/* SPDX-License-Identifier: MIT
 * test_run_faults.c - what goes wrong is said, and what was there stays. */
#include "train/training.h"

#include "io/unet_file.h"
#include "support/failing.h"

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
    CHECK_TOLD(&s->ctx, "training_state.json");
    CHECK_TOLD(&s->ctx, "remove ");
    CHECK_TOLD(&s->ctx, "checkpoints/step-0000005)");
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
    runs_on_fast_disk();
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_stop_while_drawing_loses_nothing),
        TEST(a_checkpoint_that_does_not_fit_ends_it),
        TEST(numbers_that_go_bad_stop_the_run),
        TEST(want_of_memory_is_said_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
