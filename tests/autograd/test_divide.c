/* SPDX-License-Identifier: MIT */
#include "autograd/gradient.h"

static um_var apply(um_tape *t, const um_var *in, const void *arg)
{
    (void)arg;
    return um_divide(t, in[0], in[1]);
}

static void divide_vjp_matches_differences(void **state)
{
    (void)state;
    const given odd[] = { { .shape = { 2, 3, 5, 7 } },
                          { .shape = { 2, 1, 1, 1 }, .fill = away_from_zero, .fixed = true } };
    const given one[] = { { .shape = { 1, 1, 1, 1 } },
                          { .shape = { 1, 1, 1, 1 }, .fill = away_from_zero, .fixed = true } };
    check_vjp("odd sizes", apply, NULL, odd, 2);
    check_vjp("one number", apply, NULL, one, 2);
}

static void each_image_has_its_own_divisor(void **state)
{
    (void)state;
    const um_shape shapes[] = { { 2, 1, 1, 2 }, { 2, 1, 1, 1 } };
    check_values(apply, NULL, shapes, 2, (double[]){ 2, 4, 6, 9, 2, -3 },
                 (double[]){ 1, 2, -2, -3 });
}

static void wrong_shapes_are_refused(void **state)
{
    (void)state;
    const um_shape x = { 2, 3, 3, 4 }, bad[] = { { 1, 1, 1, 1 }, { 2, 1, 1, 4 }, { 2, 3, 3, 4 } };
    for (size_t i = 0; i < UM_COUNT(bad); i++)
        check_refused(apply, NULL, (um_shape[]){ x, bad[i] }, 2, UM_BAD_SHAPE,
                      "one number for each image");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(divide_vjp_matches_differences),
        cmocka_unit_test(each_image_has_its_own_divisor),
        cmocka_unit_test(wrong_shapes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
