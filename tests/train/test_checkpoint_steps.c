/* SPDX-License-Identifier: MIT */
#include "train/checkpoint.h"

#include "support/scratch.h"

/* Folders of a run, some of them no checkpoints. */
static void make_steps(scratch *f)
{
    static const char *const names[] = { "step-0000005", "step-0000010", "step-0000100",
                                         "step-12345678", "mine", "step-", "step-7x",
                                         "step-+99999999", "step-99999999999999999999",
                                         ".step-0000200.unmist-1-1" };
    for (size_t i = 0; i < UM_COUNT(names); i++) {
        char name[64];
        snprintf(name, sizeof name, "checkpoints/%s/note", names[i]);
        scratch_write(f, name, "x", 1);
    }
}

static const char *folder_of(scratch *f)
{
    static char text[SCRATCH_PATH];
    return strcpy(text, scratch_path(f, "checkpoints"));
}

static long step_in(const char *path) { return strtol(strstr(path, "step-") + 5, NULL, 10); }

static void the_newest_is_the_one_of_the_highest_step(void **state)
{
    scratch *f = *state;
    char *newest;
    CHECK_OK(&f->ctx, um_checkpoint_newest(&f->ctx, f->folder, &newest));
    assert_null(newest);
    CHECK_OK(&f->ctx, um_folder_make(&f->ctx, scratch_path(f, "checkpoints")));
    CHECK_OK(&f->ctx, um_checkpoint_newest(&f->ctx, f->folder, &newest));
    assert_null(newest);
    make_steps(f);
    CHECK_OK(&f->ctx, um_checkpoint_newest(&f->ctx, f->folder, &newest));
    assert_string_equal(newest, scratch_path(f, "checkpoints/step-12345678"));
    um_free(&f->ctx, newest);
}

static void pruning_keeps_the_newest(void **state)
{
    scratch *f = *state;
    make_steps(f);
    const char *folder = folder_of(f);
    static const int keeps[] = { 0, 4, 2, 1 }, left[] = { 10, 10, 8, 7 };
    for (size_t i = 0; i < UM_COUNT(keeps); i++) {
        CHECK_OK(&f->ctx, um_checkpoint_prune(&f->ctx, f->folder, keeps[i], -1));
        assert_int_equal(scratch_entries(f, folder), left[i]);
    }
    assert_true(um_path_holds(folder, "step-12345678/note"));
    assert_true(um_path_holds(folder, "mine/note"));
    assert_true(um_path_holds(folder, "step-7x/note"));
}

static void regular_ones_are_those_of_a_run_s_course(void **state)
{
    scratch *f = *state;
    static const struct {
        int every;
        int64_t step;
    } cases[] = { { 5, 100 }, { 100, 100 }, { 10, 100 }, { 3, 12345678 }, { 7, -1 }, { 0, -1 } };
    make_steps(f);
    char *path;
    int64_t step;
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        CHECK_OK(&f->ctx,
                 um_checkpoint_regular(&f->ctx, f->folder, cases[i].every, &path, &step));
        assert_true(step == cases[i].step && (path != NULL) == (step >= 0));
        if (path) assert_true(step_in(path) == step);
        um_free(&f->ctx, path);
    }
    scratch_write(f, "checkpoints/step-0000000/note", "x", 1); /* the start is one of any */
    for (int every = 0; every <= 7; every += 7) {
        CHECK_OK(&f->ctx, um_checkpoint_regular(&f->ctx, f->folder, every, &path, &step));
        assert_int_equal(step, 0);
        um_free(&f->ctx, path);
    }
    const char *folder = folder_of(f);
    CHECK_OK(&f->ctx, um_checkpoint_prune(&f->ctx, f->folder, 1, 10)); /* 12345678, and 100 */
    assert_int_equal(scratch_entries(f, folder), 8);
    assert_true(um_path_holds(folder, "step-0000100/note"));
    CHECK_OK(&f->ctx, um_checkpoint_forget(&f->ctx, f->folder, 100));
    assert_int_equal(scratch_entries(f, folder), 7);
    assert_true(um_path_holds(folder, "step-0000100/note"));
    assert_true(um_path_holds(folder, "step-7x/note"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_newest_is_the_one_of_the_highest_step),
        TEST(pruning_keeps_the_newest),
        TEST(regular_ones_are_those_of_a_run_s_course),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
