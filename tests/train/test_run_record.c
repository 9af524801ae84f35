/* SPDX-License-Identifier: MIT
 * test_run_record.c - what a run leaves behind and tells: rows, pictures, checkpoints; and what
 * it does where it cannot. */
#include "train/training.h"

#include "io/unet_file.h"
#include "support/failing.h"
#include "train/run_record.h"

enum { SAID = 4096 }; /* bytes of what is warned of */

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

/* Warnings, one a line. */
static void keep_warning(void *user, um_log_level level, const char *text)
{
    char *warnings = user;
    const size_t n = strlen(warnings);
    if (level == UM_LOG_WARNING) snprintf(warnings + n, SAID - n, "%s\n", text);
}

static int lines_of(const char *text, const char *piece)
{
    int lines = 0;
    for (const char *at = text; (at = strstr(at, piece)); at++) lines++;
    return lines;
}

/* A file where a folder is to be written stays as it was, and all else is done. */
static void what_stands_in_the_way_is_warned_of_and_stays(void **state)
{
    scratch *s = *state;
    static const struct {
        const char *name, *told;
        bool finished;
    } cases[] = { { "checkpoints", "the last checkpoint (there is no checkpoint yet)", true },
                  { "samples", "the last picture (the newest checkpoint is of step 12)", true },
                  { "model", "the model (the newest checkpoint is of step 12)", false } };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        const char *out = scratch_path(s, "run");
        char name[64], warnings[SAID] = "";
        training *r = prepare(&s->ctx, out);
        snprintf(name, sizeof name, "run/%s", cases[i].name);
        const char *file = scratch_write(s, name, "mine", 4);
        r->t.settings.sample_every = r->t.settings.checkpoint_every = 6;
        r->draws = true;
        s->ctx.log = keep_warning;
        s->ctx.log_user = warnings;
        go(r);
        s->ctx.log = NULL;
        assert_int_equal(r->status, UM_IO);
        CHECK_TOLD(&s->ctx, cases[i].told);
        assert_non_null(strstr(warnings, file));
        assert_int_equal(r->result.step, 12);
        assert_int_equal(r->result.finished, cases[i].finished);
        assert_int_equal(um_path_is_folder(in(out, "model")), cases[i].finished);
        end(r);
        const um_bytes left = bytes_of(&s->ctx, out, cases[i].name);
        assert_string_equal((const char *)left.data, "mine");
        um_free(&s->ctx, left.data);
        CHECK_OK(&s->ctx, um_folder_remove(&s->ctx, out));
    }
}

/* Full at step 4, where a checkpoint is due; tried at 5, when it still is, and at 7. */
static void a_full_disk_is_waited_for(void **state)
{
    scratch *s = *state;
    char whole[SCRATCH_PATH], warnings[SAID] = "";
    const char *out = scratch_path(s, "full");
    snprintf(whole, sizeof whole, "%s", scratch_path(s, "whole"));
    for (int full = 0; full < 2; full++) {
        training *r = prepare(&s->ctx, full ? out : whole);
        r->t.settings.checkpoint_every = 4;
        r->t.settings.log_every = 1;
        r->full_from = full ? 4 : 0;
        r->full_until = full ? 7 : 0;
        s->ctx.log = keep_warning;
        s->ctx.log_user = warnings;
        complete(r);
        s->ctx.log = NULL;
    }
    check_same_run(&s->ctx, whole, out);
    assert_int_equal(rows_of(&s->ctx, out), 12);
    assert_int_equal(scratch_entries(s, in(out, "checkpoints")), 3); /* 7, 8, 12 */
    assert_true(um_path_is_folder(in(out, "checkpoints/step-0000007")));
    assert_int_equal(lines_of(warnings, "log.csv: "), 1);
    assert_int_equal(lines_of(warnings, "next try at step 5; there is no checkpoint yet)"), 1);
    assert_int_equal(lines_of(warnings, "next try at step 7; "), 1);
    assert_int_equal(lines_of(warnings, "step-0000007: written after all"), 1);
    assert_int_equal(lines_of(warnings, "\n"), 4);
}

/* To the end, or to a stop on request: then it has failed, and what was good is still there. */
static void a_disk_that_stays_full_fails_the_run_in_the_end(void **state)
{
    scratch *s = *state;
    char whole[SCRATCH_PATH];
    snprintf(whole, sizeof whole, "%s", scratch_path(s, "whole"));
    complete(prepare(&s->ctx, whole));
    for (int stop = 0; stop <= 11; stop += 11) {
        const char *out = scratch_path(s, "full");
        training *r = prepare(&s->ctx, out);
        r->t.settings.checkpoint_every = 4;
        r->full_from = 9;
        r->cancel_at = stop;
        go(r);
        assert_int_equal(r->status, UM_IO);
        CHECK_TOLD(&s->ctx, stop ? "could not be written: rows of log.csv, the last checkpoint ("
                                 : "rows of log.csv, the last checkpoint, the model (");
        CHECK_TOLD(&s->ctx, "the newest checkpoint is of step 8");
        assert_int_equal(r->result.step, stop ? 10 : 12);
        assert_false(r->result.finished);
        assert_int_equal(scratch_entries(s, in(out, "checkpoints")), 2); /* and nothing beside */
        assert_int_equal(scratch_entries(s, out), 2);
        end(r);
        complete(resumed(&s->ctx, out));
        check_same_run(&s->ctx, whole, out);
        CHECK_OK(&s->ctx, um_folder_remove(&s->ctx, out));
    }
}

static um_status bring_late_rows(um_ctx *ctx, void *out)
{
    return um_run_record_late_rows(ctx, out, false);
}

static void check_log(scratch *s, const char *out, const char *text)
{
    const um_bytes is = bytes_of(&s->ctx, out, "log.csv");
    assert_string_equal((const char *)is.data, text);
    um_free(&s->ctx, is.data);
}

/* A finished run whose last row stands in its newest checkpoint alone. */
static void the_row_that_a_finished_run_lacks_comes_from_its_checkpoint(void **state)
{
    scratch *s = *state;
    static const char state_name[] = "run/checkpoints/step-0000002/training_state.json";
    static const char second[] = "2,8,0.5,1,0.1,9,2,,,,,";
    char out[SCRATCH_PATH], warnings[SAID] = "", whole[1100], text[1000];
    um_log_file log;
    snprintf(out, sizeof out, "%s", scratch_path(s, "run"));
    CHECK_OK(&s->ctx, um_folder_make(&s->ctx, out));
    CHECK_OK(&s->ctx, um_log_begin(&log, &s->ctx, in(out, "log.csv"), 0, false));
    um_log_free(&log);
    const um_bytes header = bytes_of(&s->ctx, out, "log.csv");
    snprintf(text, sizeof text, "%s1,4,0.5,1,0.1,9,1,,,,,\n",
             (const char *)header.data);
    scratch_write(s, "run/log.csv", text, strlen(text));
    snprintf(whole, sizeof whole, "%s%s\n", text, second);
    um_free(&s->ctx, header.data);

    CHECK_OK(&s->ctx, um_run_record_late_rows(&s->ctx, out, false)); /* there is no checkpoint */
    scratch_write(s, state_name, "{\"log_rows\": null}", 18);
    CHECK_OK(&s->ctx, um_run_record_late_rows(&s->ctx, out, false));
    s->ctx.log = keep_warning;
    s->ctx.log_user = warnings;
    scratch_write(s, state_name, "{", 1);
    CHECK_OK(&s->ctx, um_run_record_late_rows(&s->ctx, out, false));
    s->ctx.log = NULL;
    assert_non_null(strstr(warnings, "(rows that log.csv may lack are lost)"));
    check_log(s, out, text); /* so far as it was */

    char rows[200];
    snprintf(rows, sizeof rows, "{\"log_rows\": \"%s\\n\"}", second);
    scratch_write(s, state_name, rows, strlen(rows));
    for (int times = 0; times < 2; times++) {
        CHECK_OK(&s->ctx, um_run_record_late_rows(&s->ctx, out, false));
        check_log(s, out, whole);
    }
    check_every_allocation(bring_late_rows, out);
    check_log(s, out, whole);
    scratch_write(s, "run/log.csv", "no log", 6);
    assert_int_equal(um_run_record_late_rows(&s->ctx, out, false), UM_BAD_FILE);
    check_log(s, out, "no log");
}

int main(void)
{
    runs_on_fast_disk();
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(validation_is_told_and_logged),
        TEST(zero_switches_a_kind_of_row_off),
        TEST(rows_hold_means),
        TEST(as_many_checkpoints_stay_as_asked_for),
        TEST(pictures_are_of_the_average),
        TEST(each_step_is_told),
        TEST(no_steps_give_the_model_as_it_began),
        TEST(what_stands_in_the_way_is_warned_of_and_stays),
        TEST(a_full_disk_is_waited_for),
        TEST(a_disk_that_stays_full_fails_the_run_in_the_end),
        TEST(the_row_that_a_finished_run_lacks_comes_from_its_checkpoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
