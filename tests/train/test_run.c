/* SPDX-License-Identifier: MIT
 * test_run.c - what is stopped, by whatever, and resumed ends as what was not. */
#include "train/training.h"

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

/* What has been learnt of the losses decides which timesteps come next: with 10 of them the history
 * is there before the run is half over. */
static void drawing_timesteps_by_their_losses_resumes_as_well(void **state)
{
    scratch *s = *state;
    char out[3][SCRATCH_PATH];
    for (int k = 0; k < 3; k++) { /* whole, stopped and resumed, on more threads */
        snprintf(out[k], SCRATCH_PATH, "%s/%d", s->folder, k);
        for (int part = 0; part <= (k == 1); part++) {
            training *r = prepare(&s->ctx, out[k]);
            um_schedule_settings few = um_schedule_defaults();
            few.timesteps = 2;
            um_schedule_free(&s->ctx, &r->t.schedule);
            CHECK_OK(&s->ctx, um_schedule_init(&s->ctx, &r->t.schedule, &few));
            r->t.settings.timestep_sampling = UM_TIMESTEPS_LOSS_SECOND_MOMENT;
            r->t.settings.loss.weighting = UM_WEIGHTING_MIN_SNR;
            r->cancel_at = k == 1 && part == 0 ? 10 : 0;
            r->resume = part;
            s->ctx.threads = k == 2 ? 3 : 1;
            go(r);
            assert_int_equal(r->status, r->cancel_at ? UM_CANCELLED : UM_OK);
            end(r);
        }
    }
    check_same_run(&s->ctx, out[0], out[1]);
    check_same_run(&s->ctx, out[0], out[2]);
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
        r->draw_status = UM_BAD_SHAPE;
        go(r);
        assert_int_equal(r->status, crash ? UM_BAD_SHAPE : UM_OK);
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

int main(void)
{
    runs_on_fast_disk();
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(stopping_and_resuming_changes_nothing),
        TEST(other_settings_resume_as_well),
        TEST(drawing_timesteps_by_their_losses_resumes_as_well),
        TEST(what_a_crash_left_is_made_good),
        TEST(time_ends_a_call_not_the_run),
        TEST(a_run_at_its_end_does_no_more),
        TEST(with_nothing_to_resume_it_begins),
        TEST(a_stop_saves_without_checkpoints_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
