/* SPDX-License-Identifier: MIT */
#include "base/choice.h"

#include <string.h>

#include "support/check.h"

enum fruit { APPLE = 3, PEAR = 5 };

static const um_choice fruits[] = {
    { "apple", APPLE }, { "pear", PEAR }, { "pome", APPLE }, { NULL, 0 }
};

static void a_word_or_its_synonym_gives_the_value(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    enum fruit f = PEAR;
    CHECK_OK(&ctx, um_choice_parse(&ctx, fruits, "kind", "pome", &f));
    assert_int_equal(f, APPLE);
    CHECK_OK(&ctx, um_choice_parse(&ctx, fruits, "kind", "pear", &f));
    assert_int_equal(f, PEAR);
}

static void a_value_has_the_first_of_its_names(void **state)
{
    (void)state;
    assert_string_equal(um_choice_name(fruits, APPLE), "apple");
    assert_string_equal(um_choice_name(fruits, 99), "?");
}

static void an_unknown_word_is_refused_with_those_that_are_right(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    enum fruit f = PEAR;
    assert_int_equal(um_choice_parse(&ctx, fruits, "kind", "plum", &f), UM_BAD_ARG);
    assert_string_equal(ctx.message, "kind = plum is not known (apple, pear or pome)");
    assert_int_equal(f, PEAR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_word_or_its_synonym_gives_the_value),
        cmocka_unit_test(a_value_has_the_first_of_its_names),
        cmocka_unit_test(an_unknown_word_is_refused_with_those_that_are_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
