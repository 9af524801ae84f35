/* SPDX-License-Identifier: MIT */
#include "autograd/gradient.h"

static um_var apply(um_tape *t, const um_var *in, const void *arg)
{
    (void)arg;
    return um_avg_pool2x(t, in[0]);
}

static void avg_pool2x_vjp_matches_differences(void **state)
{
    (void)state;
    check_vjp("one square", apply, NULL, &(given){ .shape = { 1, 2, 2, 1 } }, 1);
    check_vjp("odd halves", apply, NULL, &(given){ .shape = { 2, 6, 10, 3 } }, 1);
}

static void four_pixels_become_their_mean(void **state)
{
    (void)state;
    const double in[] = { 1, 10, 2, 20, 3, 30, 6, 60 };
    check_values(apply, NULL, &(um_shape){ 1, 2, 2, 2 }, 1, in, (double[]){ 3, 30 });
}

static void odd_sizes_are_refused(void **state)
{
    (void)state;
    check_refused(apply, NULL, &(um_shape){ 1, 3, 2, 1 }, 1, UM_BAD_SHAPE, "an image of 3 x 2");
    check_refused(apply, NULL, &(um_shape){ 1, 2, 1, 1 }, 1, UM_BAD_SHAPE, "an image of 2 x 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(avg_pool2x_vjp_matches_differences),
        cmocka_unit_test(four_pixels_become_their_mean),
        cmocka_unit_test(odd_sizes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
