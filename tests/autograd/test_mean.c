/* SPDX-License-Identifier: MIT */
#include "autograd/gradient.h"

static um_var apply(um_tape *t, const um_var *in, const void *arg)
{
    (void)arg;
    return um_mean(t, in[0]);
}

static void mean_vjp_matches_differences(void **state)
{
    (void)state;
    check_vjp("odd sizes", apply, NULL, &(given){ .shape = { 2, 3, 5, 7 } }, 1);
    check_vjp("one number", apply, NULL, &(given){ .shape = { 1, 1, 1, 1 } }, 1);
}

static void the_mean_is_over_all_sizes(void **state)
{
    (void)state;
    const double in[] = { 1, 2, 3, 4, 5, 6, 7, 12 };
    check_values(apply, NULL, &(um_shape){ 2, 1, 2, 2 }, 1, in, (double[]){ 5 });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mean_vjp_matches_differences),
        cmocka_unit_test(the_mean_is_over_all_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
