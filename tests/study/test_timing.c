/* SPDX-License-Identifier: MIT */
#include "study/timing.h"

#include "support/check.h"

static void the_median_is_in_the_middle(void **state)
{
    (void)state;
    const um_timing odd = um_timing_of((double[]){ 5, 1, 3 }, 3);
    assert_true(odd.median == 3 && odd.least == 1 && odd.most == 5);
    const um_timing even = um_timing_of((double[]){ 8, 2, 4, 100 }, 4);
    assert_true(even.median == 6 && even.least == 2 && even.most == 100);
    const um_timing one = um_timing_of((double[]){ 7 }, 1);
    assert_true(one.median == 7 && one.least == 7 && one.most == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_median_is_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
