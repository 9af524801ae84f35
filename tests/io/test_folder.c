/* SPDX-License-Identifier: MIT */
#include "support/check.h"
#include "support/failing.h"
#include "support/scratch.h"

/* path/name with a text in it, without the helper's own folders. */
static void put(scratch *s, const char *folder, const char *name, const char *text)
{
    char *path;
    CHECK_OK(&s->ctx, um_path_join(&s->ctx, &path, folder, name));
    CHECK_OK(&s->ctx, um_file_write(&s->ctx, path, text, strlen(text)));
    um_free(&s->ctx, path);
}

static void a_folder_appears_whole(void **state)
{
    scratch *s = *state;
    const char *path = scratch_path(s, "runs/a/model");
    char *temp;
    CHECK_OK(&s->ctx, um_folder_begin(&s->ctx, path, &temp));
    assert_false(um_path_exists(path));
    put(s, temp, "one", "1");
    char *below;
    CHECK_OK(&s->ctx, um_path_join(&s->ctx, &below, temp, "unet"));
    CHECK_OK(&s->ctx, um_folder_make(&s->ctx, below));
    put(s, below, "two", "2");
    um_free(&s->ctx, below);
    CHECK_OK(&s->ctx, um_folder_commit(&s->ctx, path, &temp));
    assert_null(temp);
    assert_true(um_path_is_file(scratch_path(s, "runs/a/model/unet/two")));
    assert_int_equal(scratch_entries(s, scratch_path(s, "runs/a")), 1);
}

static void a_folder_replaces_the_older_one_with_all_its_files(void **state)
{
    scratch *s = *state;
    const char *path = scratch_path(s, "model");
    scratch_write(s, "model/old/deep", "x", 1);
    char *temp;
    CHECK_OK(&s->ctx, um_folder_begin(&s->ctx, path, &temp));
    put(s, temp, "new", "n");
    CHECK_OK(&s->ctx, um_folder_commit(&s->ctx, path, &temp));
    assert_true(um_path_is_file(scratch_path(s, "model/new")));
    assert_false(um_path_exists(scratch_path(s, "model/old")));
    assert_int_equal(scratch_entries(s, s->folder), 1);
}

static void an_abandoned_folder_is_gone(void **state)
{
    scratch *s = *state;
    char *temp;
    CHECK_OK(&s->ctx, um_folder_begin(&s->ctx, scratch_path(s, "model"), &temp));
    put(s, temp, "new", "n");
    um_folder_abandon(&s->ctx, &temp);
    um_folder_abandon(&s->ctx, &temp);
    assert_int_equal(scratch_entries(s, s->folder), 0);
}

static void a_file_in_the_way_stays_and_is_named(void **state)
{
    scratch *s = *state;
    const char *path = scratch_write(s, "model", "a file", 6);
    char *temp;
    CHECK_OK(&s->ctx, um_folder_begin(&s->ctx, path, &temp));
    assert_int_equal(um_folder_commit(&s->ctx, path, &temp), UM_IO);
    CHECK_TOLD(&s->ctx, path);
    assert_true(um_path_is_file(path));
    assert_int_equal(scratch_entries(s, s->folder), 1);
    assert_int_equal(um_folder_make(&s->ctx, path), UM_IO);
    assert_int_equal(um_folder_make(&s->ctx, scratch_path(s, "model/below")), UM_IO);
    assert_int_equal(um_folder_begin(&s->ctx, scratch_path(s, "model/below"), &temp), UM_IO);
    assert_null(temp);
}

static void removing_does_not_follow_links(void **state)
{
    scratch *s = *state;
    const char *kept = scratch_write(s, "kept/file", "x", 1);
    CHECK_OK(&s->ctx, um_folder_make(&s->ctx, scratch_path(s, "gone")));
    assert_int_equal(symlink(scratch_path(s, "kept"), scratch_path(s, "gone/link")), 0);
    CHECK_OK(&s->ctx, um_folder_remove(&s->ctx, scratch_path(s, "gone")));
    assert_true(um_path_is_file(kept));
    assert_false(um_path_exists(scratch_path(s, "gone")));
    CHECK_OK(&s->ctx, um_folder_remove(&s->ctx, scratch_path(s, "gone")));
}

/* Where not all of it can be removed (this one is deeper than is gone into) the rest is left, but
 * not under its name. */
static void a_discarded_folder_loses_its_name_first(void **state)
{
    scratch *s = *state;
    const char *path = scratch_path(s, "runs/old");
    scratch_write(s, "runs/old/deep/x", "x", 1);
    CHECK_OK(&s->ctx, um_folder_discard(&s->ctx, path));
    assert_int_equal(scratch_entries(s, scratch_path(s, "runs")), 0);
    assert_int_equal(um_folder_discard(&s->ctx, path), UM_IO);
    CHECK_TOLD(&s->ctx, path);

    char deep[SCRATCH_PATH] = "runs/old";
    for (int i = 0; i < 70; i++) strcat(deep, "/d");
    scratch_write(s, strcat(deep, "/x"), "x", 1);
    assert_int_equal(um_folder_discard(&s->ctx, path), UM_IO); /* deeper than is gone into */
    assert_false(um_path_exists(path));
    assert_int_equal(scratch_entries(s, scratch_path(s, "runs")), 1);
    char remove[SCRATCH_PATH + 16];
    snprintf(remove, sizeof remove, "rm -r %s/runs", s->folder);
    assert_int_equal(system(remove), 0);
}

static void a_sweep_removes_what_killed_writers_left_and_no_more(void **state)
{
    scratch *s = *state;
    char *temp;
    um_writer w;
    CHECK_OK(&s->ctx, um_folder_begin(&s->ctx, scratch_path(s, "model"), &temp));
    put(s, temp, "half", "h");
    um_writer_open(&w, &s->ctx, scratch_path(s, "log.csv"));
    scratch_write(s, "log.csv", "kept", 4);
    scratch_write(s, ".hidden", "kept", 4);
    scratch_write(s, "a.unmist-1", "kept", 4);
    assert_int_equal(scratch_entries(s, s->folder), 5);
    CHECK_OK(&s->ctx, um_folder_sweep(&s->ctx, s->folder));
    assert_int_equal(scratch_entries(s, s->folder), 3);
    um_folder_abandon(&s->ctx, &temp);
    um_writer_abandon(&w);
}

static void what_cannot_be_reached_is_told(void **state)
{
    scratch *s = *state;
    char *temp = NULL, deep[SCRATCH_PATH];
    const char *path = scratch_path(s, "model");
    assert_int_equal(um_folder_sweep(&s->ctx, scratch_path(s, "absent")), UM_IO);
    CHECK_TOLD(&s->ctx, "absent: No such file");
    assert_int_equal(um_folder_make(&s->ctx, ""), UM_IO);
    CHECK_OK(&s->ctx, um_strdup(&s->ctx, &temp, scratch_path(s, "gone")));
    assert_int_equal(um_folder_commit(&s->ctx, path, &temp), UM_IO);
    CHECK_TOLD(&s->ctx, "gone: No such file");
    assert_null(temp);

    CHECK_OK(&s->ctx, um_folder_begin(&s->ctx, path, &temp));
    snprintf(deep, sizeof deep, "%s", temp);
    for (int i = 0; i < 66; i++) strcat(deep, "/d");
    CHECK_OK(&s->ctx, um_folder_make(&s->ctx, deep));
    assert_int_equal(um_folder_commit(&s->ctx, path, &temp), UM_IO);
    CHECK_TOLD(&s->ctx, "more than 64 folders deep");
    char remove[SCRATCH_PATH + 16];
    snprintf(remove, sizeof remove, "rm -r %s/.model*", s->folder);
    assert_int_equal(system(remove), 0);
}

/* Links, and what is no file, are taken along without being flushed. */
static void links_in_a_folder_are_taken_along(void **state)
{
    scratch *s = *state;
    char *temp, *link;
    CHECK_OK(&s->ctx, um_folder_begin(&s->ctx, scratch_path(s, "model"), &temp));
    CHECK_OK(&s->ctx, um_path_join(&s->ctx, &link, temp, "link"));
    assert_int_equal(symlink("nowhere", link), 0);
    um_free(&s->ctx, link);
    CHECK_OK(&s->ctx, um_folder_commit(&s->ctx, scratch_path(s, "model"), &temp));
    assert_int_equal(scratch_entries(s, scratch_path(s, "model")), 1);
}

/* model/old stands; model/new is to take its place, one of the steps wanting memory. */
static um_status replace(um_ctx *ctx, const char *path)
{
    char *temp, *file = NULL;
    UM_TRY(um_folder_begin(ctx, path, &temp));
    um_status status = um_path_join(ctx, &file, temp, "new");
    if (status == UM_OK) status = um_file_write(ctx, file, "n", 1);
    if (status == UM_OK) status = um_folder_commit(ctx, path, &temp);
    um_folder_abandon(ctx, &temp);
    um_free(ctx, file);
    return status;
}

/* An older folder that cannot be removed for want of memory is a warning, hence UM_OK. */
static void want_of_memory_leaves_one_of_the_folders_whole(void **state)
{
    scratch *s = *state;
    um_status (*const acts[])(um_ctx *, const char *) = { replace, um_folder_discard,
                                                          um_folder_sweep, um_folder_make };
    for (size_t i = 0; i < UM_COUNT(acts); i++) {
        bool failed = true;
        for (long n = 1; failed; n++) {
            failing f = { .fail_at = n };
            um_ctx ctx;
            um_ctx_init(&ctx);
            ctx.allocator = (um_allocator){ failing_alloc, failing_free, &f };
            scratch_write(s, "a/model/old", "o", 1);
            scratch_write(s, "a/model/.x.unmist-1-1", "x", 1);
            char at[SCRATCH_PATH];
            snprintf(at, sizeof at, "%s/a/model%s", s->folder, i == 3 ? "/b/c" : "");
            const um_status status = acts[i](&ctx, at);
            failed = f.failed;
            assert_int_equal(f.alive, 0);
            if (!failed) CHECK_OK(&ctx, status);
            else if (i > 0) assert_int_equal(status, UM_NO_MEMORY);
            const bool old = um_path_is_file(scratch_path(s, "a/model/old")),
                       new = um_path_is_file(scratch_path(s, "a/model/new"));
            if (i == 0) assert_true(new == (status == UM_OK) && old != new);
            if (i > 1) assert_true(old);
            CHECK_OK(&s->ctx, um_folder_remove(&s->ctx, scratch_path(s, "a")));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
        TEST(a_folder_appears_whole),
        TEST(a_folder_replaces_the_older_one_with_all_its_files),
        TEST(an_abandoned_folder_is_gone),
        TEST(a_file_in_the_way_stays_and_is_named),
        TEST(removing_does_not_follow_links),
        TEST(a_discarded_folder_loses_its_name_first),
        TEST(a_sweep_removes_what_killed_writers_left_and_no_more),
        TEST(what_cannot_be_reached_is_told),
        TEST(links_in_a_folder_are_taken_along),
        TEST(want_of_memory_leaves_one_of_the_folders_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
