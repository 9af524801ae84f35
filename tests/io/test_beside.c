/* SPDX-License-Identifier: MIT */
#include "io/beside.h"

#include "support/failing.h"
#include "support/scratch.h"

static um_status name_once(um_ctx *ctx, void *arg)
{
    char *name;
    const um_status status = um_beside_name(ctx, &name, arg);
    if (status == UM_OK) um_free(ctx, name);
    return status;
}

static void a_name_beside_is_hidden_in_the_same_folder_and_never_given_twice(void **state)
{
    scratch *s = *state;
    char *a, *b;
    CHECK_OK(&s->ctx, um_beside_name(&s->ctx, &a, "runs/model"));
    CHECK_OK(&s->ctx, um_beside_name(&s->ctx, &b, "runs/model"));
    assert_memory_equal(a, "runs/.model.unmist-", 19);
    assert_string_not_equal(a, b);
    assert_true(um_beside_is(a + 5) && um_beside_is(b + 5));
    um_free(&s->ctx, a);
    um_free(&s->ctx, b);
    check_every_allocation(name_once, "runs/model");
}

/* A sweep removes what has such a name: nothing that anyone would choose may be taken for one. */
static void other_names_are_no_names_beside(void **state)
{
    (void)state;
    const char *const others[] = {
        "", ".", ".x", ".x.unmist-", ".x.unmist-a", ".x.unmist-/", "x.unmist-1-1", ".x.unmist1",
    };
    for (size_t i = 0; i < UM_COUNT(others); i++)
        if (um_beside_is(others[i])) fail_msg("%s is taken for a name beside", others[i]);
    assert_true(um_beside_is(".x.unmist-1-1"));
}

/* As long as the file system takes: what is put before and behind it must fit. */
static void the_longest_name_can_be_written_beside(void **state)
{
    scratch *s = *state;
    char name[256];
    memset(name, 'n', 255);
    name[255] = '\0';
    CHECK_OK(&s->ctx, um_file_write(&s->ctx, scratch_path(s, name), "x", 1));
    assert_true(um_path_is_file(scratch_path(s, name)));
    assert_int_equal(scratch_entries(s, s->folder), 1);
}

static void flushing_tells_what_it_could_not_reach(void **state)
{
    scratch *s = *state;
    CHECK_OK(&s->ctx, um_beside_flush(&s->ctx, scratch_write(s, "x", "x", 1)));
    CHECK_OK(&s->ctx, um_beside_flush(&s->ctx, s->folder));
    CHECK_OK(&s->ctx, um_beside_flush_parent(&s->ctx, scratch_path(s, "x")));
    CHECK_OK(&s->ctx, um_beside_flush(&s->ctx, "/dev/null")); /* EINVAL: nothing to flush */
    assert_int_equal(um_beside_flush(&s->ctx, scratch_path(s, "absent")), UM_IO);
    CHECK_TOLD(&s->ctx, "absent: No such file");
    char *path = malloc(10000);
    memset(path, 'n', 9999);
    path[9999] = '\0', path[9000] = '/';
    assert_int_equal(um_beside_flush_parent(&s->ctx, path), UM_IO);
    CHECK_TOLD(&s->ctx, "nnn");
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
        TEST(a_name_beside_is_hidden_in_the_same_folder_and_never_given_twice),
        TEST(other_names_are_no_names_beside),
        TEST(the_longest_name_can_be_written_beside),
        TEST(flushing_tells_what_it_could_not_reach),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
