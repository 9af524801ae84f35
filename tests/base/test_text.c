/* SPDX-License-Identifier: MIT */
#include "base/text.h"
#include "support/check.h"

#include <string.h>

static void a_text_holds_all_that_was_added(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    um_text text = { .ctx = &ctx };
    for (int i = 0; i < 1000; i++) {
        um_text_add(&text, "%03d", i);
        um_text_add_byte(&text, ',');
    }
    assert_int_equal(text.status, UM_OK);
    assert_int_equal(text.n, 4000);
    assert_int_equal(strlen(text.data), 4000);
    assert_memory_equal(text.data + 4 * 567, "567,", 4);
    um_text_free(&text);
    assert_null(text.data);
}

static void what_is_no_utf8_becomes_question_marks(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *text;
    } cases[] = {
        { "", "" },
        { "plain\ttext\n", "plain\ttext\n" },
        { "caf\xc3\xa9 \xe2\x82\xac", "caf\xc3\xa9 \xe2\x82\xac" },
        { "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
        { "caf\xe9", "caf?" },                        /* Latin-1 */
        { "a\xc3", "a?" },                            /* cut */
        { "\xe2\x82", "??" },
        { "\xf0\x9f\x98z", "???z" },
        { "\xc0\xaf \xe0\x80\xaf", "?? ???" },       /* overlong */
        { "\xed\xa0\x80", "???" },                    /* a surrogate */
        { "\xf4\x90\x80\x80 \xff", "???? ?" },        /* above U+10FFFF */
        { "\xed\x9f\xbf \xf4\x8f\xbf\xbf", "\xed\x9f\xbf \xf4\x8f\xbf\xbf" },
    };
    um_ctx ctx;
    um_ctx_init(&ctx);
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        um_text text = { .ctx = &ctx };
        um_text_add(&text, "<");
        um_text_add_utf8(&text, cases[i].bytes);
        assert_int_equal(text.status, UM_OK);
        assert_int_equal(text.n, strlen(text.data));
        assert_string_equal(text.data + 1, cases[i].text);
        um_text_free(&text);
    }
}

static void what_a_terminal_obeys_becomes_question_marks(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *text;
    } cases[] = {
        { "", "" },
        { "caf\xc3\xa9 \xe2\x82\xac", "caf\xc3\xa9 \xe2\x82\xac" },
        { "\x1b[31mred\a\r\n\t\x7f", "?[31mred?????" },
        { "\xc2\x9b" "31m \xc2\xa0", "??31m \xc2\xa0" }, /* CSI in one character; a space */
        { "\x9b" "31m \xff\xc3", "?31m ??" },
    };
    um_ctx ctx;
    um_ctx_init(&ctx);
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        char text[64];
        strcpy(text, cases[i].bytes);
        assert_string_equal(um_printable(text), cases[i].text);
        um_fail(&ctx, UM_IO, "<%s>", cases[i].bytes);
        assert_memory_equal(ctx.message + 1, cases[i].text, strlen(cases[i].text));
        um_fail_at(&ctx, UM_IO, "%s", cases[i].bytes);
        assert_memory_equal(ctx.message, cases[i].text, strlen(cases[i].text));
    }
}

static void *refuse(void *user, size_t bytes)
{
    (void)user, (void)bytes;
    return NULL;
}

static void nothing_is_added_after_a_failure(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    ctx.allocator.alloc = refuse;
    um_text text = { .ctx = &ctx };
    um_text_add(&text, "lost");
    assert_int_equal(text.status, UM_NO_MEMORY);
    um_text_add_byte(&text, 'x');
    assert_int_equal(text.n, 0);
    um_text_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_holds_all_that_was_added),
        cmocka_unit_test(what_is_no_utf8_becomes_question_marks),
        cmocka_unit_test(what_a_terminal_obeys_becomes_question_marks),
        cmocka_unit_test(nothing_is_added_after_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
