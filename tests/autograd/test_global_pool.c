/* SPDX-License-Identifier: MIT */
#include "autograd/gradient.h"

static um_var apply(um_tape *t, const um_var *in, const void *arg)
{
    (void)arg;
    return um_global_pool(t, in[0]);
}

static void global_pool_vjp_matches_differences(void **state)
{
    (void)state;
    check_vjp("odd sizes", apply, NULL, &(given){ .shape = { 3, 5, 7, 3 } }, 1);
    check_vjp("one pixel", apply, NULL, &(given){ .shape = { 2, 1, 1, 4 } }, 1);
}

static void each_channel_of_each_image_has_its_mean(void **state)
{
    (void)state;
    const double in[] = { 1, 10, 2, 20, 6, 60, /* the second image */ 0, 1, 0, 1, 3, 1 };
    check_values(apply, NULL, &(um_shape){ 2, 1, 3, 2 }, 1, in, (double[]){ 3, 30, 1, 1 });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(global_pool_vjp_matches_differences),
        cmocka_unit_test(each_channel_of_each_image_has_its_mean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
