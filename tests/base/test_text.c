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
        cmocka_unit_test(nothing_is_added_after_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
