/* SPDX-License-Identifier: MIT */
#include "config/line.h"
#include "support/check.h"

#include <string.h>

static void comments_and_white_space_go(void **state)
{
    (void)state;
    static const struct {
        const char *line, *clean;
    } cases[] = {
        { "", "" },
        { "   \t ", "" },
        { "; all of it", "" },
        { "  # all of it", "" },
        { "a = b ; note", "a = b" },
        { "a = b # note", "a = b" },
        { "a = b\t;note", "a = b" },
        { "a = b;c#d", "a = b;c#d" },
        { "  a = b  ", "a = b" },
        { "[run] ; note", "[run]" },
        { "a = \"b ; c # d\" ; note", "a = \"b \\x3b c # d\"" },
        { "a = \"b\\\" ; c\"", "a = \"b\\\" \\x3b c\"" },
        { "a = \"b\\\\\" ; c\"", "a = \"b\\\\\"" },
        { "a = b \" ; c\"", "a = b \"" },
    };
    char out[400];
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        assert_null(um_line_clean(cases[i].line, strlen(cases[i].line), out));
        assert_string_equal(out, cases[i].clean);
    }
}

static void control_characters_are_refused(void **state)
{
    (void)state;
    char out[40];
    assert_string_equal(um_line_clean("a\0b", 3, out),
                        "a control character (is this a text file?)");
    assert_non_null(um_line_clean("a\x1b[2J", 5, out));
    assert_non_null(um_line_clean("a\rb", 3, out));
    assert_null(um_line_clean("a\tb", 3, out));
    assert_null(um_line_clean("gr\xc3\xbc\xc3\x9f", 6, out));
}

static void wrong_quotes_are_refused(void **state)
{
    (void)state;
    static const char *const cases[] = { "\"", "\"a", "\"a\" b", "\"a\\\"", "\"\\q\"", "\"\\x\"",
                                         "\"\\x4\"", "\"\\xzz\"", "\"\\x00\"", "\"a\\" };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        char value[20];
        strcpy(value, cases[i]);
        if (um_line_unquote(value)) fail_msg("accepted %s", cases[i]);
    }
}

static void every_value_comes_back_from_its_line(void **state)
{
    (void)state;
    static const char *const values[] = {
        "",    "plain",   "two words",  " blanks around ", "a;b",      "a ; b", "# a",
        "\"",  "a\"b",    "\\",         "\\\\",            "a\\x3b",   "a = b", "[x]",
        "a\nb", "\x7f\t",  "\xc3\xbc",   "\"quoted\"",     "ends in \\"
    };
    um_ctx ctx;
    um_ctx_init(&ctx);
    for (size_t i = 0; i < UM_COUNT(values); i++) {
        um_text line = { .ctx = &ctx };
        char out[200];
        um_text_add(&line, "key = ");
        um_line_add_value(&line, values[i]);
        assert_int_equal(line.status, UM_OK);
        assert_null(um_line_clean(line.data, line.n, out));
        char *value = out + strlen("key =");
        value += strspn(value, " ");
        assert_true(um_line_unquote(value));
        assert_string_equal(value, values[i]);
        um_text_free(&line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comments_and_white_space_go),
        cmocka_unit_test(control_characters_are_refused),
        cmocka_unit_test(wrong_quotes_are_refused),
        cmocka_unit_test(every_value_comes_back_from_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
