/* SPDX-License-Identifier: MIT */
#include "base/memory.h"
#include "support/check.h"

#include <string.h>

static um_ctx ctx;

static void the_machine_says_what_it_has(void **state)
{
    (void)state;
    const size_t available = um_memory_available();
    assert_true(available > (size_t)1 << 20);
    assert_true(available < (size_t)1 << 50);
}

/* Linux would promise it, and end the program that fills it. */
static void more_than_the_machine_has_is_refused(void **state)
{
    (void)state;
    char *p = (char *)&ctx;
    const size_t bytes = um_memory_available() + ((size_t)2 << 30);
    assert_int_equal(um_alloc(&ctx, &p, bytes, 1, "a test"), UM_NO_MEMORY);
    assert_null(p);
    assert_non_null(strstr(ctx.message, "no memory for a test ("));
}

static void what_it_has_is_given_and_zeroed(void **state)
{
    (void)state;
    const size_t bytes = (size_t)65 << 20;
    char *p;
    CHECK_OK(&ctx, um_alloc(&ctx, &p, bytes, 1, "a test"));
    assert_true((uintptr_t)p % UM_ALIGN == 0);
    assert_true(p[0] == 0 && p[bytes - 1] == 0);
    um_free(&ctx, p);
}

static void a_size_that_does_not_fit_a_number_is_refused(void **state)
{
    (void)state;
    char *p;
    assert_int_equal(um_alloc(&ctx, &p, SIZE_MAX / 2, 4, "a test"), UM_NO_MEMORY);
    assert_int_equal(um_alloc(&ctx, &p, SIZE_MAX, 1, "a test"), UM_NO_MEMORY);
    assert_null(p);
}

int main(void)
{
    um_ctx_init(&ctx);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_machine_says_what_it_has),
        cmocka_unit_test(more_than_the_machine_has_is_refused),
        cmocka_unit_test(what_it_has_is_given_and_zeroed),
        cmocka_unit_test(a_size_that_does_not_fit_a_number_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
