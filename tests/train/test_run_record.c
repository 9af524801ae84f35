/* SPDX-License-Identifier: MIT
 * test_run_record.c - what a run leaves behind and tells: rows, pictures, checkpoints. */
#include "train/training.h"

#include "io/unet_file.h"

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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
