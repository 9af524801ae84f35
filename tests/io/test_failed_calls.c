/* SPDX-License-Identifier: MIT
 * test_failed_calls.c - what the system refuses to file.c, folder.c and beside.c. */
#include "io/beside.h"
#include "io/wrapped_calls.h"
#include "support/scratch.h"

static char logged[4096];

static void keep_log(void *user, um_log_level level, const char *text)
{
    (void)user, (void)level;
    snprintf(logged + strlen(logged), sizeof logged - strlen(logged), "%s\n", text);
}

static void check_text(scratch *s, const char *name, const char *text)
{
    um_bytes b;
    CHECK_OK(&s->ctx, um_file_read(&s->ctx, scratch_path(s, name), 1000, &b));
    assert_string_equal((char *)b.data, text);
    um_free(&s->ctx, b.data);
}

static void a_file_that_cannot_be_made_sure_of_leaves_the_older_one(void **state)
{
    scratch *s = *state;
    const char *const calls[] = { "fsync", "close", "rename" };
    for (size_t i = 0; i < UM_COUNT(calls); i++) {
        const char *path = scratch_write(s, "x", "old", 3);
        let_fail(calls[i], 1, 1, EIO);
        assert_int_equal(um_file_write(&s->ctx, path, "new", 3), UM_IO);
        let_none_fail();
        CHECK_TOLD(&s->ctx, "x: Input/output error");
        check_text(s, "x", "old");
        assert_int_equal(scratch_entries(s, s->folder), 1);
    }
}

/* The new file is there, but its name might not last: that is said, and nothing is taken back. */
static void a_folder_that_cannot_be_flushed_is_told(void **state)
{
    scratch *s = *state;
    const char *path = scratch_write(s, "x", "old", 3);
    let_fail("fsync", 2, 2, EIO);
    assert_int_equal(um_file_write(&s->ctx, path, "new", 3), UM_IO);
    let_none_fail();
    CHECK_TOLD(&s->ctx, "Input/output error");
    check_text(s, "x", "new");
    assert_int_equal(scratch_entries(s, s->folder), 1);
    let_fail("fsync", 1, 1, EIO);
    assert_int_equal(um_folder_make(&s->ctx, scratch_path(s, "a")), UM_IO);
    let_none_fail();
}

static void interrupted_and_partial_writes_go_on(void **state)
{
    scratch *s = *state;
    const char *path = scratch_path(s, "x");
    let_fail("write", 1, 3, EINTR);
    CHECK_OK(&s->ctx, um_file_write(&s->ctx, path, "0123456789", 10));
    let_none_fail();
    check_text(s, "x", "0123456789");
    let_fail("write", 1, 3, 0);
    CHECK_OK(&s->ctx, um_file_write(&s->ctx, path, "abcdefghij", 10));
    let_none_fail();
    check_text(s, "x", "abcdefghij");
}

static void a_mode_that_cannot_be_kept_is_a_warning(void **state)
{
    scratch *s = *state;
    const char *path = scratch_write(s, "x", "old", 3);
    s->ctx.log = keep_log;
    logged[0] = '\0';
    let_fail("fchmod", 1, 1, EPERM);
    CHECK_OK(&s->ctx, um_file_write(&s->ctx, path, "new", 3));
    let_none_fail();
    assert_non_null(strstr(logged, "x: mode not kept: Operation not permitted"));
    check_text(s, "x", "new");
}

/* A name that a killed process of the same number has left is stepped over. */
static void a_temporary_name_that_is_taken_is_not_used(void **state)
{
    scratch *s = *state;
    char *name, *temp, taken[SCRATCH_PATH];
    CHECK_OK(&s->ctx, um_beside_name(&s->ctx, &name, scratch_path(s, "x")));
    char *serial = strrchr(name, '-');
    for (int next = atoi(serial + 1) + 1, i = 0; i < 2; i++) {
        snprintf(taken, sizeof taken, "%.*s-%d", (int)(serial - name), name, next + i);
        FILE *file = fopen(taken, "w");
        assert_non_null(file);
        fclose(file);
    }
    CHECK_OK(&s->ctx, um_file_write(&s->ctx, scratch_path(s, "x"), "new", 3));
    check_text(s, "x", "new");
    assert_true(um_path_is_file(taken)); /* of a writer that may yet be at work */
    um_free(&s->ctx, name);
    let_fail("mkdir", 1, 1, EEXIST);
    CHECK_OK(&s->ctx, um_folder_begin(&s->ctx, scratch_path(s, "y"), &temp));
    let_none_fail();
    um_folder_abandon(&s->ctx, &temp);
    assert_int_equal(scratch_entries(s, s->folder), 3);
}

/* model/old stands, and a new folder with model/new is about to take its place. */
static char *begun(scratch *s)
{
    char *temp, *file;
    scratch_write(s, "model/old", "o", 1);
    CHECK_OK(&s->ctx, um_folder_begin(&s->ctx, scratch_path(s, "model"), &temp));
    CHECK_OK(&s->ctx, um_path_join(&s->ctx, &file, temp, "new"));
    CHECK_OK(&s->ctx, um_file_write(&s->ctx, file, "n", 1));
    um_free(&s->ctx, file);
    s->ctx.log = keep_log;
    logged[0] = '\0';
    return temp;
}

static void check_stands(scratch *s, const char *folder, const char *file)
{
    char name[64];
    snprintf(name, sizeof name, "%s/%s", folder, file);
    assert_true(um_path_is_file(scratch_path(s, name)));
    assert_int_equal(scratch_entries(s, scratch_path(s, folder)), 1);
}

static void a_folder_whose_commit_fails_leaves_the_older_one_whole(void **state)
{
    scratch *s = *state;
    const struct { const char *call; int at; } cases[] = {
        { "fsync", 1 }, { "fsync", 2 }, { "renameat2", 1 },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        char *temp = begun(s);
        let_fail(cases[i].call, cases[i].at, cases[i].at, EIO);
        assert_int_equal(um_folder_commit(&s->ctx, scratch_path(s, "model"), &temp), UM_IO);
        let_none_fail();
        CHECK_TOLD(&s->ctx, "Input/output error");
        assert_null(temp);
        check_stands(s, "model", "old");
        assert_int_equal(scratch_entries(s, s->folder), 1);
    }
    char *temp;
    CHECK_OK(&s->ctx, um_folder_begin(&s->ctx, scratch_path(s, "first"), &temp));
    let_fail("rename", 1, 1, EIO); /* the same where none is older */
    assert_int_equal(um_folder_commit(&s->ctx, scratch_path(s, "first"), &temp), UM_IO);
    let_none_fail();
    assert_int_equal(scratch_entries(s, s->folder), 1);
}

static void without_an_exchange_the_older_folder_stands_aside_meanwhile(void **state)
{
    scratch *s = *state;
    const int told[] = { EINVAL, ENOSYS };
    for (size_t i = 0; i < UM_COUNT(told); i++) {
        no_exchange = told[i];
        char *temp = begun(s);
        CHECK_OK(&s->ctx, um_folder_commit(&s->ctx, scratch_path(s, "model"), &temp));
        check_stands(s, "model", "new");
        assert_int_equal(scratch_entries(s, s->folder), 1);
        assert_string_equal(logged, "");
        CHECK_OK(&s->ctx, um_folder_remove(&s->ctx, scratch_path(s, "model")));
    }
    no_exchange = 0;
}

/* Three renames make an exchange; the older folder is never lost, whichever fails. */
static void an_exchange_by_renames_that_fails_loses_no_folder(void **state)
{
    scratch *s = *state;
    const struct {
        int first, last, entries;
        um_status status;
        const char *stands, *told;
    } cases[] = {
        { 1, 1, 1, UM_IO, "old", "" },
        { 2, 2, 1, UM_IO, "old", "" },
        { 3, 3, 2, UM_OK, "new", "could not be removed" },
        { 2, 3, 1, UM_IO, NULL, "model: kept as " },
    };
    no_exchange = EINVAL;
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        char *temp = begun(s);
        let_fail("rename", cases[i].first, cases[i].last, EIO);
        assert_int_equal(um_folder_commit(&s->ctx, scratch_path(s, "model"), &temp),
                         cases[i].status);
        let_none_fail();
        if (cases[i].stands) check_stands(s, "model", cases[i].stands);
        assert_non_null(strstr(logged, cases[i].told));
        assert_int_equal(scratch_entries(s, s->folder), cases[i].entries);
        if (cases[i].stands) CHECK_OK(&s->ctx, um_folder_remove(&s->ctx, scratch_path(s, "model")));
        if (i == 2) CHECK_OK(&s->ctx, um_folder_sweep(&s->ctx, s->folder));
    }
    no_exchange = 0;
    char *kept = strstr(logged, "kept as ") + 8; /* the older folder is where it says */
    kept[strcspn(kept, "\n")] = '\0';
    assert_int_equal(scratch_entries(s, kept), 1);
}

static void what_cannot_be_removed_is_told_of(void **state)
{
    scratch *s = *state;
    const char *const calls[] = { "unlink", "rmdir" };
    for (size_t i = 0; i < UM_COUNT(calls); i++) {
        scratch_write(s, "gone/x", "x", 1);
        let_fail(calls[i], 1, 1, EACCES);
        assert_int_equal(um_folder_remove(&s->ctx, scratch_path(s, "gone")), UM_IO);
        let_none_fail();
        CHECK_TOLD(&s->ctx, "gone");
        CHECK_TOLD(&s->ctx, "Permission denied");
        assert_true(um_path_is_folder(scratch_path(s, "gone")));
    }
    CHECK_OK(&s->ctx, um_folder_remove(&s->ctx, scratch_path(s, "gone")));
}

/* The older folder is left over: a warning, for the new one stands and is whole. */
static void an_older_folder_that_stays_is_a_warning(void **state)
{
    scratch *s = *state;
    char *temp = begun(s);
    let_fail("rmdir", 1, 1, EACCES);
    CHECK_OK(&s->ctx, um_folder_commit(&s->ctx, scratch_path(s, "model"), &temp));
    let_none_fail();
    assert_non_null(strstr(logged, "could not be removed: "));
    check_stands(s, "model", "new");
    assert_int_equal(scratch_entries(s, s->folder), 2);
    CHECK_OK(&s->ctx, um_folder_sweep(&s->ctx, s->folder));
    assert_int_equal(scratch_entries(s, s->folder), 1);
}

static void a_folder_that_cannot_be_begun_leaves_nothing(void **state)
{
    scratch *s = *state;
    char *temp;
    for (int at = 1; at <= 2; at++) { /* the folder above, then its own */
        let_fail("mkdir", at, at, ENOSPC);
        assert_int_equal(um_folder_begin(&s->ctx, scratch_path(s, "a/model"), &temp), UM_IO);
        let_none_fail();
        CHECK_TOLD(&s->ctx, "No space left on device");
        assert_null(temp);
    }
    CHECK_OK(&s->ctx, um_folder_remove(&s->ctx, scratch_path(s, "a")));
    assert_int_equal(scratch_entries(s, s->folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
        TEST(a_file_that_cannot_be_made_sure_of_leaves_the_older_one),
        TEST(a_folder_that_cannot_be_flushed_is_told),
        TEST(interrupted_and_partial_writes_go_on),
        TEST(a_mode_that_cannot_be_kept_is_a_warning),
        TEST(a_temporary_name_that_is_taken_is_not_used),
        TEST(a_folder_whose_commit_fails_leaves_the_older_one_whole),
        TEST(without_an_exchange_the_older_folder_stands_aside_meanwhile),
        TEST(an_exchange_by_renames_that_fails_loses_no_folder),
        TEST(what_cannot_be_removed_is_told_of),
        TEST(an_older_folder_that_stays_is_a_warning),
        TEST(a_folder_that_cannot_be_begun_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
