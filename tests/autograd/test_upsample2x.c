/* SPDX-License-Identifier: MIT */
#include "autograd/gradient.h"

static um_var apply(um_tape *t, const um_var *in, const void *arg)
{
    (void)arg;
    return um_upsample2x(t, in[0]);
}

static void upsample2x_vjp_matches_differences(void **state)
{
    (void)state;
    check_vjp("one pixel", apply, NULL, &(given){ .shape = { 1, 1, 1, 1 } }, 1);
    check_vjp("odd sizes", apply, NULL, &(given){ .shape = { 2, 3, 5, 7 } }, 1);
    check_vjp("a column", apply, NULL, &(given){ .shape = { 3, 4, 1, 2 } }, 1);
}

static void each_pixel_becomes_four(void **state)
{
    (void)state;
    const double four[] = { 1, 10, 1, 10, 2, 20, 2, 20, 1, 10, 1, 10, 2, 20, 2, 20 };
    check_values(apply, NULL, &(um_shape){ 1, 1, 2, 2 }, 1, (double[]){ 1, 10, 2, 20 }, four);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(upsample2x_vjp_matches_differences),
        cmocka_unit_test(each_pixel_becomes_four),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
