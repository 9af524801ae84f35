/* SPDX-License-Identifier: MIT */
#include "autograd/gradient.h"

static um_var apply(um_tape *t, const um_var *in, const void *arg)
{
    (void)arg;
    return um_add_channels(t, in[0], in[1]);
}

static um_var to_itself(um_tape *t, const um_var *in, const void *arg)
{
    (void)arg;
    return um_add_channels(t, in[0], in[0]);
}

static void add_channels_vjp_matches_differences(void **state)
{
    (void)state;
    check_vjp("odd sizes", apply, NULL,
              (given[]){ { .shape = { 2, 3, 5, 7 } }, { .shape = { 2, 1, 1, 7 } } }, 2);
    check_vjp("one pixel", apply, NULL,
              (given[]){ { .shape = { 3, 1, 1, 2 } }, { .shape = { 3, 1, 1, 2 } } }, 2);
    check_vjp("a tensor to itself", to_itself, NULL, &(given){ .shape = { 3, 1, 1, 2 } }, 1);
}

static void each_image_has_its_own_numbers(void **state)
{
    (void)state;
    const um_shape shapes[] = { { 2, 1, 2, 2 }, { 2, 1, 1, 2 } };
    const double in[] = { 1, 2, 3, 4, 5, 6, 7, 8, 10, 20, 30, 40 };
    check_values(apply, NULL, shapes, 2, in, (double[]){ 11, 22, 13, 24, 35, 46, 37, 48 });
}

static void wrong_shapes_are_refused(void **state)
{
    (void)state;
    const um_shape x = { 2, 3, 3, 4 }, bad[] = { { 1, 1, 1, 4 }, { 2, 1, 1, 3 }, { 2, 3, 3, 4 } };
    for (size_t i = 0; i < UM_COUNT(bad); i++)
        check_refused(apply, NULL, (um_shape[]){ x, bad[i] }, 2, UM_BAD_SHAPE,
                      "one number for each image and channel");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(add_channels_vjp_matches_differences),
        cmocka_unit_test(each_image_has_its_own_numbers),
        cmocka_unit_test(wrong_shapes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
