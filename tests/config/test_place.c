/* SPDX-License-Identifier: MIT */
#include "config/place.h"
#include "support/check.h"

#include <string.h>

static void names_are_joined_as_seen_from_the_folder(void **state)
{
    (void)state;
    static const struct {
        const char *folder, *name, *joined;
    } cases[] = {
        { "/a/b", "c", "/a/b/c" },
        { "/a/b", "/c", "/c" },
        { "/a/b", "./c", "/a/b/c" },
        { "/a/b", "../c", "/a/c" },
        { "/a/b", "../../c", "/c" },
        { "/a/b", "../../../c", "/c" },
        { "/a/b", ".././/../c/../d", "/c/../d" },
        { "/a/b", "..", "/a" },
        { "/a/b", ".", "/a/b" },
        { "/", "c", "/c" },
        { "/a/b", "..c", "/a/b/..c" },
        { "/a/b", ".c", "/a/b/.c" },
        { "/a/b", "c/../d", "/a/b/c/../d" },
    };
    char out[UM_PLACE_BYTES];
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        assert_true(um_place_join(cases[i].folder, cases[i].name, out));
        assert_string_equal(out, cases[i].joined);
    }
}

static void too_long_a_path_is_told(void **state)
{
    (void)state;
    static char name[UM_PLACE_BYTES + 10];
    char out[UM_PLACE_BYTES];
    memset(name, 'a', sizeof name - 1);
    assert_false(um_place_join("/", name, out));
    name[UM_PLACE_BYTES - 2] = '\0';
    assert_true(um_place_join("/", name, out));
    assert_false(um_place_join("/b", name, out));
}

static void a_full_path_is_absolute_and_nothing_stays_nothing(void **state)
{
    (void)state;
    char out[UM_PLACE_BYTES];
    assert_true(um_place_full("", out));
    assert_string_equal(out, "");
    assert_true(um_place_full("/x", out));
    assert_string_equal(out, "/x");
    assert_true(um_place_full("x", out));
    assert_int_equal(out[0], '/');
    assert_string_equal(out + strlen(out) - 2, "/x");
}

static void the_folder_of_a_file_is_found(void **state)
{
    (void)state;
    char out[UM_PLACE_BYTES], here[UM_PLACE_BYTES];
    assert_true(um_place_folder("/etc/passwd", out));
    assert_string_equal(out, "/etc");
    assert_true(um_place_folder("/passwd", out));
    assert_string_equal(out, "/");
    assert_true(um_place_folder("file", out));
    assert_true(um_place_full(".", here));
    assert_string_equal(out, here);
    assert_false(um_place_folder("/no/such/folder/file", out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_joined_as_seen_from_the_folder),
        cmocka_unit_test(too_long_a_path_is_told),
        cmocka_unit_test(a_full_path_is_absolute_and_nothing_stays_nothing),
        cmocka_unit_test(the_folder_of_a_file_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
