/* SPDX-License-Identifier: MIT
 * test_run_guard.c - runs in which numbers go bad: to the end, or to a stop that says why, and in
 * the same bytes wherever they were cut short and resumed. */
#include "train/training.h"

#include "diffusion/noising.h"

#include <math.h>

enum { STEPS = 12, BATCH = 4 };

/* How many of the run's first `count` images have this t. */
static int images_at(const training *r, int t, int count)
{
    int images = 0;
    for (uint64_t i = 0; i < (uint64_t)count; i++)
        images += um_timestep_uniform(r->t.settings.seed, i, r->t.schedule.timesteps) == t;
    return images;
}

/* The k-th batch of the run goes bad, alone among the first `count`: it has an image at a t that
 * none of the others has, and what is noised to this t is not finite. */
static void spoil(training *r, int k, int count)
{
    for (int i = BATCH * (k - 1); i < BATCH * k; i++) {
        const int t =
            um_timestep_uniform(r->t.settings.seed, (uint64_t)i, r->t.schedule.timesteps);
        if (images_at(r, t, BATCH * count) != 1) continue;
        r->t.schedule.alpha_bar[t] = NAN;
        return;
    }
    fail_msg("batch %d has no t of its own: another seed, please", k);
}

/* A run that is to skip (steps 3 and 8), or to roll back: from batch 7 to step 4, from batch 9 to
 * step 4 once more, from batch 15 to step 8. */
static training *guarded(um_ctx *ctx, const char *out, um_on_nan on_nan)
{
    training *r = prepare(ctx, out);
    um_train_settings *s = &r->t.settings;
    s->on_nan = on_nan;
    s->on_nan_limit = 3;
    s->checkpoint_every = 4;
    s->keep = 1;
    s->validate_every = 0;
    s->seed = 8;
    if (on_nan == UM_ON_NAN_SKIP) {
        spoil(r, 3, STEPS);
        spoil(r, 8, STEPS);
    } else {
        spoil(r, 7, 19);
        spoil(r, 9, 19);
        spoil(r, 15, 19);
    }
    return r;
}

static void run_whole(um_ctx *ctx, const char *out, um_on_nan on_nan)
{
    training *r = guarded(ctx, out, on_nan);
    go(r);
    CHECK_OK(ctx, r->status);
    assert_true(r->result.finished && r->result.step == STEPS);
    assert_int_equal(r->result.skipped, on_nan == UM_ON_NAN_SKIP ? 2 : 0);
    assert_int_equal(r->result.rollbacks, on_nan == UM_ON_NAN_ROLLBACK ? 3 : 0);
    end(r);
}

/* Column k of the row of a step. */
static double cell(um_ctx *ctx, const char *out, int step, int k)
{
    char *log = log_of(ctx, out), start[16];
    snprintf(start, sizeof start, "\n%d,", step);
    const char *at = strstr(log, start);
    if (!at) fail_msg("no row of step %d", step);
    for (at++; k > 0; k--) at = strchr(at, ',') + 1;
    const double value = strtod(at, NULL);
    test_free(log);
    return value;
}

static void a_skipped_step_has_a_row_that_says_so(void **state)
{
    scratch *s = *state;
    const char *out = scratch_path(s, "run");
    run_whole(&s->ctx, out, UM_ON_NAN_SKIP);
    assert_int_equal(rows_of(&s->ctx, out), 5); /* 3 and 8 are skipped; 6, 9, 12 */
    for (int step = 3; step <= 8; step += 5) {
        assert_true(isnan(cell(&s->ctx, out, step, 2)) && isnan(cell(&s->ctx, out, step, 3)));
        assert_true(cell(&s->ctx, out, step, 4) == 0);
    }
    for (int step = 6; step <= STEPS; step += 3) {
        assert_true(isfinite(cell(&s->ctx, out, step, 2)) && cell(&s->ctx, out, step, 3) > 0);
        assert_int_equal(cell(&s->ctx, out, step, 1), BATCH * step);
    }
}

/* Each step once, of the images that were seen for it; those that went bad do not come again. */
static void a_run_that_rolled_back_has_each_step_once(void **state)
{
    scratch *s = *state;
    static const int images[STEPS] = { 1, 2, 3, 4, 10, 11, 12, 13, 16, 17, 18, 19 };
    const char *out = scratch_path(s, "run");
    for (int cut = 0; cut < 2; cut++) {
        training *r = guarded(&s->ctx, out, UM_ON_NAN_ROLLBACK);
        r->t.settings.log_every = 1;
        r->resume = cut;
        go(r);
        CHECK_OK(&s->ctx, r->status);
        assert_int_equal(r->result.images, BATCH * images[STEPS - 1]);
        end(r);
        assert_int_equal(rows_of(&s->ctx, out), STEPS);
        for (int i = 0; i < STEPS; i++)
            assert_int_equal(cell(&s->ctx, out, i + 1, 1), BATCH * images[i]);
    }
}

/* Stopped on request, which writes a checkpoint between the regular ones, or killed. */
static void cut_and_resumed_it_ends_in_the_same_bytes(void **state)
{
    scratch *s = *state;
    for (int policy = UM_ON_NAN_SKIP; policy <= UM_ON_NAN_ROLLBACK; policy++) {
        char whole[SCRATCH_PATH];
        const char *out = scratch_path(s, "cut");
        snprintf(whole, sizeof whole, "%s", scratch_path(s, policy == 1 ? "skips" : "returns"));
        run_whole(&s->ctx, whole, (um_on_nan)policy);
        for (int at = 1; at <= 19; at++)
            for (int die = 0; die < 2; die++) {
                training *r = guarded(&s->ctx, out, (um_on_nan)policy);
                if (die) r->dies_at = at;
                else r->cancel_at = at;
                go_and_die(r);
                end(r);
                r = guarded(&s->ctx, out, (um_on_nan)policy);
                r->resume = true;
                if (die) r->cancel_at = 3; /* and once more, in the other way */
                else r->dies_at = 3;
                go_and_die(r);
                end(r);
                r = guarded(&s->ctx, out, (um_on_nan)policy);
                r->resume = true;
                s->ctx.threads = 2;
                complete(r);
                check_same_run(&s->ctx, whole, out);
                CHECK_OK(&s->ctx, um_folder_remove(&s->ctx, out));
            }
    }
}

/* The one of a step that was gone back behind does not stand for the one that a stop cut off. */
static void a_picture_is_of_the_steps_that_stayed(void **state)
{
    scratch *s = *state;
    char out[2][SCRATCH_PATH];
    for (int cut = 0; cut < 2; cut++) {
        snprintf(out[cut], SCRATCH_PATH, "%s", scratch_path(s, cut ? "cut" : "whole"));
        for (int part = 0; part <= cut; part++) {
            training *r = guarded(&s->ctx, out[cut], UM_ON_NAN_ROLLBACK);
            r->draws = true;
            r->t.settings.sample_every = 6; /* the first is drawn before step 7 goes bad */
            r->draw_fails_at = cut && !part ? 6 : 0;
            r->draws_before = 1;
            r->draw_status = UM_CANCELLED;
            r->resume = part;
            go(r);
            assert_int_equal(r->status, r->draw_fails_at ? UM_CANCELLED : UM_OK);
            end(r);
        }
    }
    check_same_run(&s->ctx, out[0], out[1]);
    check_same_file(&s->ctx, out[0], out[1], "samples/step-0000006.png");
    check_same_file(&s->ctx, out[0], out[1], "samples/step-0000012.png");
}

/* Before the first checkpoint: to the start. */
static void with_no_checkpoint_yet_it_goes_back_to_the_start(void **state)
{
    scratch *s = *state;
    for (int every = 0; every <= 4; every += 4) {
        const char *out = scratch_path(s, "run");
        training *r = guarded(&s->ctx, out, UM_ON_NAN_SKIP); /* step 3 is bad */
        r->t.settings.on_nan = UM_ON_NAN_ROLLBACK;
        r->t.settings.checkpoint_every = every;
        r->t.settings.steps = 4;
        go(r);
        CHECK_OK(&s->ctx, r->status);
        assert_true(r->result.rollbacks == 1 && r->result.images == BATCH * 7);
        end(r);
        assert_int_equal(cell(&s->ctx, out, 3, 1), BATCH * 6);
        CHECK_OK(&s->ctx, um_folder_remove(&s->ctx, out));
    }
}

/* Nothing is sound: it does not go on for ever, and what was sound is kept. */
static void where_all_is_bad_it_stops(void **state)
{
    scratch *s = *state;
    static const struct {
        um_on_nan on_nan;
        int step, skipped, rollbacks;
        const char *told;
    } cases[] = {
        { UM_ON_NAN_STOP, 0, 0, 0, "step 1 (seed 8, images 0 to 3 of the run): conv_in: " },
        { UM_ON_NAN_SKIP, 3, 3, 0, "step 4 (seed 8, images 12 to 15 of the run): conv_in: " },
        { UM_ON_NAN_ROLLBACK, 0, 0, 3, "step 1 (seed 8, images 12 to 15 of the run): conv_in: " },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        const char *out = scratch_path(s, "run");
        for (int again = 0; again < 2; again++) {
            training *r = guarded(&s->ctx, out, cases[i].on_nan);
            for (int t = 0; t < 100; t++) r->t.schedule.alpha_bar[t] = NAN;
            r->resume = again;
            go(r);
            assert_int_equal(r->status, UM_NOT_FINITE);
            CHECK_TOLD(&s->ctx, cases[i].told);
            CHECK_TOLD(&s->ctx, "(--resume comes to this step again; ");
            CHECK_TOLD(&s->ctx, cases[i].on_nan ? "(train.on_nan_limit)" : "skip or rollback");
            assert_int_equal(r->result.step, cases[i].step);
            assert_int_equal(r->result.skipped, cases[i].skipped);
            assert_int_equal(r->result.rollbacks, cases[i].rollbacks);
            assert_false(r->result.finished || um_path_exists(in(out, "model")));
            end(r);
        }
        CHECK_OK(&s->ctx, um_folder_remove(&s->ctx, out));
    }
}

/* The state before the bad step is there: it is come to again at once, and may be skipped. */
static void a_stopped_run_can_be_looked_at_and_gone_on_with(void **state)
{
    scratch *s = *state;
    char whole[SCRATCH_PATH];
    const char *out = scratch_path(s, "run");
    snprintf(whole, sizeof whole, "%s", scratch_path(s, "whole"));
    run_whole(&s->ctx, whole, UM_ON_NAN_SKIP);
    for (int look = 0; look < 2; look++) {
        training *r = guarded(&s->ctx, out, UM_ON_NAN_SKIP);
        r->t.settings.on_nan = UM_ON_NAN_STOP;
        r->t.settings.check_nan = r->resume = look;
        go(r);
        assert_int_equal(r->status, UM_NOT_FINITE);
        CHECK_TOLD(&s->ctx, "step 3 (seed 8, images 8 to 11 of the run): conv_in: conv2d: the "
                            "value of x_t is not finite");
        assert_true(r->result.step == 2 && r->told == (look ? 0 : 2));
        end(r);
    }
    assert_true(um_path_is_folder(in(out, "checkpoints/step-0000002")));
    training *r = guarded(&s->ctx, out, UM_ON_NAN_SKIP);
    r->resume = true;
    complete(r);
    check_same_run(&s->ctx, whole, out);
}

/* Of a run that was to stop, keep = 1 has left the stop's checkpoint alone. */
static void a_stopped_run_can_go_back_to_its_stop(void **state)
{
    scratch *s = *state;
    const char *out = scratch_path(s, "run");
    for (int again = 0; again < 2; again++) {
        training *r = guarded(&s->ctx, out, UM_ON_NAN_ROLLBACK); /* batch 7 is bad */
        r->t.settings.on_nan = again ? UM_ON_NAN_ROLLBACK : UM_ON_NAN_STOP;
        r->t.settings.steps = 7;
        r->resume = again;
        go(r);
        assert_int_equal(r->status, again ? UM_OK : UM_NOT_FINITE);
        assert_true(r->result.step == 6 + again && r->result.rollbacks == again);
        if (!again) assert_int_equal(scratch_entries(s, in(out, "checkpoints")), 1);
        end(r);
    }
    assert_int_equal(cell(&s->ctx, out, 7, 1), BATCH * 8);
}

/* What an update has spoilt is not written: the checkpoints before it stay. */
static void spoilt_weights_are_never_written(void **state)
{
    scratch *s = *state;
    for (int policy = UM_ON_NAN_STOP; policy <= UM_ON_NAN_ROLLBACK; policy++) {
        const char *out = scratch_path(s, "run");
        training *r = prepare(&s->ctx, out);
        r->t.settings.on_nan = (um_on_nan)policy;
        r->t.settings.on_nan_limit = 2;
        r->t.settings.lr = 1e39;
        r->t.settings.warmup = 1; /* the first has a rate of 0 */
        r->t.settings.checkpoint_every = 1;
        go(r);
        assert_int_equal(r->status, UM_NOT_FINITE);
        CHECK_TOLD(&s->ctx, "the update: the value of ");
        assert_int_equal(r->result.step, 1);
        assert_int_equal(r->result.rollbacks, policy == UM_ON_NAN_ROLLBACK ? 2 : 0);
        assert_false(um_path_exists(in(out, "model")));
        assert_int_equal(scratch_entries(s, in(out, "checkpoints")), 1 + (policy == 2));
        assert_true(um_path_is_folder(in(out, "checkpoints/step-0000001")));
        end(r);
        CHECK_OK(&s->ctx, um_folder_remove(&s->ctx, out));
    }
}

/* The t of the first images are all below this one. */
static bool trains_below(uint64_t seed, int t)
{
    for (uint64_t i = 0; i < 3; i++)
        if (um_timestep_uniform(seed, i, 100) >= t) return false;
    return true;
}

static void a_validation_that_is_not_finite_stops_or_rolls_back(void **state)
{
    scratch *s = *state;
    for (int policy = UM_ON_NAN_STOP; policy <= UM_ON_NAN_ROLLBACK; policy++) {
        const char *out = scratch_path(s, "run");
        training *r = prepare(&s->ctx, out);
        r->t.settings.on_nan = (um_on_nan)policy;
        r->t.settings.on_nan_limit = 2;
        r->t.settings.checkpoint_every = 2;
        for (int t = 75; t < 100; t++) r->t.schedule.alpha_bar[t] = NAN;
        while (!trains_below(r->t.settings.seed, 75)) r->t.settings.seed++;
        r->t.settings.batch = 1;
        r->t.settings.validate_every = 1;
        r->t.settings.steps = 1;
        go(r);
        assert_int_equal(r->status, UM_NOT_FINITE);
        CHECK_TOLD(&s->ctx, "the validation after step 1 (seed ");
        CHECK_TOLD(&s->ctx, "the value of x_t is not finite");
        assert_int_equal(r->result.rollbacks > 0, policy == UM_ON_NAN_ROLLBACK);
        assert_false(um_path_exists(in(out, "model")));
        end(r);
        CHECK_OK(&s->ctx, um_folder_remove(&s->ctx, out));
    }
}

/* Mean and deviation are in the checkpoint. */
static void spikes_are_the_same_after_a_resume(void **state)
{
    scratch *s = *state;
    char out[2][SCRATCH_PATH];
    for (int stop = 0; stop < 2; stop++) {
        snprintf(out[stop], SCRATCH_PATH, "%s", scratch_path(s, stop ? "stopped" : "whole"));
        for (int part = 0; part <= 2 * stop; part++) {
            training *r = prepare(&s->ctx, out[stop]);
            r->t.settings.steps = 160;
            r->t.settings.lr = 1e-6; /* losses as they are at first, to the end */
            r->t.settings.spike_zscore = 1.5;
            r->t.settings.on_nan_limit = 9;
            r->t.settings.on_nan = UM_ON_NAN_SKIP;
            r->t.settings.validate_every = 0;
            r->cancel_at = stop && part < 2 ? 60 : 0;
            r->resume = part;
            go(r);
            if (!r->cancel_at) assert_true(r->result.finished && r->result.skipped > 1);
            end(r);
        }
    }
    char *whole = log_of(&s->ctx, out[0]), *stopped = log_of(&s->ctx, out[1]);
    check_same_file(&s->ctx, out[0], out[1], "model/unet/diffusion_pytorch_model.safetensors");
    assert_string_equal(whole, stopped);
    test_free(whole);
    test_free(stopped);
}

int main(void)
{
    runs_on_fast_disk();
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_skipped_step_has_a_row_that_says_so),
        TEST(a_run_that_rolled_back_has_each_step_once),
        TEST(cut_and_resumed_it_ends_in_the_same_bytes),
        TEST(a_picture_is_of_the_steps_that_stayed),
        TEST(with_no_checkpoint_yet_it_goes_back_to_the_start),
        TEST(where_all_is_bad_it_stops),
        TEST(a_stopped_run_can_be_looked_at_and_gone_on_with),
        TEST(a_stopped_run_can_go_back_to_its_stop),
        TEST(spoilt_weights_are_never_written),
        TEST(a_validation_that_is_not_finite_stops_or_rolls_back),
        TEST(spikes_are_the_same_after_a_resume),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
