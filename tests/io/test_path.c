/* SPDX-License-Identifier: MIT */
#include "support/check.h"
#include "support/scratch.h"

static void joining_splitting_and_endings(void **state)
{
    scratch *s = *state;
    const struct { const char *folder, *name, *joined;
    } joins[] = {
        { "a", "b", "a/b" }, { "a/", "b", "a/b" }, { "a", "/b", "/b" },
        { "", "b", "b" },    { "/", "b", "/b" },
    };
    for (size_t i = 0; i < UM_COUNT(joins); i++) {
        char *out;
        CHECK_OK(&s->ctx, um_path_join(&s->ctx, &out, joins[i].folder, joins[i].name));
        assert_string_equal(out, joins[i].joined);
        um_free(&s->ctx, out);
    }
    const struct { const char *path, *parent, *base; } splits[] = {
        { "a", ".", "a" },       { "a/b", "a", "b" }, { "a//b//", "a", "b" }, { "/a", "/", "a" },
        { "/a/b/", "/a", "b" },  { "/", "/", "" },    { "", ".", "" },
    };
    for (size_t i = 0; i < UM_COUNT(splits); i++) {
        char *parent, *base;
        CHECK_OK(&s->ctx, um_path_parent(&s->ctx, &parent, splits[i].path));
        CHECK_OK(&s->ctx, um_path_base(&s->ctx, &base, splits[i].path));
        assert_string_equal(parent, splits[i].parent);
        char held[8], few[2];
        assert_true(um_path_parent_in(held, sizeof held, splits[i].path));
        assert_string_equal(held, splits[i].parent);
        assert_int_equal(um_path_parent_in(few, sizeof few, splits[i].path), strlen(parent) < 2);
        assert_string_equal(base, splits[i].base);
        um_free(&s->ctx, parent);
        um_free(&s->ctx, base);
    }
    assert_true(um_path_ends_with("x.PNG", ".png"));
    assert_false(um_path_ends_with("png", ".png"));
}

static void a_folder_is_listed_in_sorted_order(void **state)
{
    scratch *s = *state;
    um_names names;
    char name[16];
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "f%02d", (i * 37) % 100);
        scratch_write(s, name, "", 0);
    }
    CHECK_OK(&s->ctx, um_folder_list(&s->ctx, s->folder, &names));
    assert_int_equal(names.count, 100);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "f%02d", i);
        assert_string_equal(names.name[i], name);
    }
    um_names_free(&s->ctx, &names);
    assert_int_equal(um_folder_list(&s->ctx, scratch_path(s, "absent"), &names), UM_BAD_FILE);
    CHECK_TOLD(&s->ctx, "absent");
    assert_int_equal(names.count, 0);
}

static void files_and_folders_are_told_apart(void **state)
{
    scratch *s = *state;
    const char *file = scratch_write(s, "file", "x", 1);
    assert_true(um_path_exists(file) && um_path_is_file(file) && !um_path_is_folder(file));
    assert_true(um_path_exists(s->folder) && um_path_is_folder(s->folder) &&
                !um_path_is_file(s->folder));
    assert_false(um_path_exists(scratch_path(s, "absent")));
    assert_true(um_path_holds(s->folder, "x") == um_path_exists(scratch_path(s, "x")));
    assert_false(um_path_holds(s->folder, "absent"));
}

static void a_number_is_the_digits_behind_a_prefix(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t number;
    } cases[] = {
        { "step-0001000", 1000 }, { "step-0", 0 }, { "step-9223372036854775807", INT64_MAX },
        { "step-9223372036854775808", -1 }, { "step-", -1 }, { "step-+9", -1 }, { "step--9", -1 },
        { "step- 9", -1 }, { "step-9x", -1 }, { "9", -1 }, { "xstep-9", -1 },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++)
        if (um_path_number(cases[i].name, "step-") != cases[i].number)
            fail_msg("%s: %lld", cases[i].name,
                     (long long)um_path_number(cases[i].name, "step-"));
    assert_int_equal(um_path_number("7", ""), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
        TEST(joining_splitting_and_endings),
        TEST(a_folder_is_listed_in_sorted_order),
        TEST(files_and_folders_are_told_apart),
        TEST(a_number_is_the_digits_behind_a_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
