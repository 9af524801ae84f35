/* SPDX-License-Identifier: MIT */
#include "autograd/gradient.h"

static um_var apply(um_tape *t, const um_var *in, const void *arg)
{
    (void)arg;
    return um_concat(t, in[0], in[1]);
}

static um_var with_itself(um_tape *t, const um_var *in, const void *arg)
{
    (void)arg;
    return um_concat(t, in[0], in[0]);
}

static void concat_vjp_matches_differences(void **state)
{
    (void)state;
    check_vjp("odd sizes", apply, NULL,
              (given[]){ { .shape = { 2, 3, 5, 7 } }, { .shape = { 2, 3, 5, 2 } } }, 2);
    check_vjp("one and one", apply, NULL,
              (given[]){ { .shape = { 1, 1, 1, 1 } }, { .shape = { 1, 1, 1, 1 } } }, 2);
    check_vjp("a tensor behind itself", with_itself, NULL, &(given){ .shape = { 2, 2, 1, 3 } }, 1);
}

static void the_second_stands_behind_the_first_in_each_pixel(void **state)
{
    (void)state;
    const um_shape shapes[] = { { 1, 1, 2, 1 }, { 1, 1, 2, 2 } };
    check_values(apply, NULL, shapes, 2, (double[]){ 1, 2, 3, 4, 5, 6 },
                 (double[]){ 1, 3, 4, 2, 5, 6 });
}

static void other_images_are_refused(void **state)
{
    (void)state;
    const um_shape a = { 2, 3, 4, 5 }, bad[] = { { 1, 3, 4, 5 }, { 2, 4, 4, 5 }, { 2, 3, 3, 5 } };
    for (size_t i = 0; i < UM_COUNT(bad); i++)
        check_refused(apply, NULL, (um_shape[]){ a, bad[i] }, 2, UM_BAD_SHAPE,
                      "but for the channels");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(concat_vjp_matches_differences),
        cmocka_unit_test(the_second_stands_behind_the_first_in_each_pixel),
        cmocka_unit_test(other_images_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
