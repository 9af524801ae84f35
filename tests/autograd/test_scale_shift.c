/* SPDX-License-Identifier: MIT */
#include "autograd/gradient.h"

static um_var apply(um_tape *t, const um_var *in, const void *arg)
{
    (void)arg;
    return um_scale_shift(t, in[0], in[1]);
}

static void scale_shift_vjp_matches_differences(void **state)
{
    (void)state;
    check_vjp("odd sizes", apply, NULL,
              (given[]){ { .shape = { 2, 3, 5, 7 } }, { .shape = { 2, 1, 1, 14 } } }, 2);
    check_vjp("one number", apply, NULL,
              (given[]){ { .shape = { 1, 1, 1, 1 } }, { .shape = { 1, 1, 1, 2 } } }, 2);
}

static void the_scale_comes_first_and_counts_from_one(void **state)
{
    (void)state;
    const um_shape shapes[] = { { 1, 1, 2, 2 }, { 1, 1, 1, 4 } };
    const double in[] = { 1, 2, 3, 4, 1, 2, 10, 20 };
    check_values(apply, NULL, shapes, 2, in, (double[]){ 12, 26, 16, 32 });
}

static void wrong_shapes_are_refused(void **state)
{
    (void)state;
    const um_shape x = { 2, 3, 3, 4 }, bad[] = { { 1, 1, 1, 8 }, { 2, 1, 1, 4 }, { 2, 3, 3, 8 } };
    for (size_t i = 0; i < UM_COUNT(bad); i++)
        check_refused(apply, NULL, (um_shape[]){ x, bad[i] }, 2, UM_BAD_SHAPE,
                      "a scale and a shift for each image and channel");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scale_shift_vjp_matches_differences),
        cmocka_unit_test(the_scale_comes_first_and_counts_from_one),
        cmocka_unit_test(wrong_shapes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
