/* SPDX-License-Identifier: MIT */
#include "config/nearest.h"
#include "support/check.h"

#include <limits.h>
#include <string.h>

static void each_slip_of_the_hand_counts_one(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        int distance;
    } cases[] = {
        { "steps", "steps", 0 },  { "", "", 0 },          { "", "abc", 3 },
        { "step", "steps", 1 },   { "stepss", "steps", 1 }, { "stebs", "steps", 1 },
        { "setps", "steps", 1 },  { "trian", "train", 1 }, { "model", "train", 5 },
        { "kitten", "sitting", 3 }, { "TRAIN", "train", 0 }, { "Tarin", "train", 1 },
        { "[", "{", 1 },
    };
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        assert_int_equal(um_name_distance(cases[i].a, cases[i].b), cases[i].distance);
        assert_int_equal(um_name_distance(cases[i].b, cases[i].a), cases[i].distance);
    }
}

static void a_name_of_any_length_is_safe(void **state)
{
    (void)state;
    char name[1000];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(um_name_distance(name, "a"), INT_MAX);
    assert_int_equal(um_name_distance("a", name), INT_MAX);
    name[63] = '\0';
    assert_int_equal(um_name_distance(name, "a"), 62);
}

static void only_a_third_of_the_letters_may_be_wrong(void **state)
{
    (void)state;
    assert_true(um_name_is_near(1, "lr"));
    assert_false(um_name_is_near(2, "lr"));
    assert_true(um_name_is_near(2, "warmup"));
    assert_false(um_name_is_near(3, "warmup"));
    assert_false(um_name_is_near(INT_MAX, "warmup"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_slip_of_the_hand_counts_one),
        cmocka_unit_test(a_name_of_any_length_is_safe),
        cmocka_unit_test(only_a_third_of_the_letters_may_be_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
