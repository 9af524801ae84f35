/* SPDX-License-Identifier: MIT */
#include "autograd/gradient.h"

static um_var apply(um_tape *t, const um_var *in, const void *arg)
{
    const um_shape *shape = arg;
    return um_reshape(t, in[0], *shape);
}

static void reshape_vjp_matches_differences(void **state)
{
    (void)state;
    check_vjp("odd sizes", apply, &(um_shape){ 5, 1, 14, 3 }, &(given){ .shape = { 2, 3, 5, 7 } },
              1);
    check_vjp("one number", apply, &(um_shape){ 1, 1, 1, 1 }, &(given){ .shape = { 1, 1, 1, 1 } },
              1);
}

static void the_numbers_keep_their_order(void **state)
{
    (void)state;
    const double in[] = { 1, 2, 3, 4, 5, 6 };
    check_values(apply, &(um_shape){ 3, 2, 1, 1 }, &(um_shape){ 1, 1, 2, 3 }, 1, in, in);
}

static void another_count_is_refused(void **state)
{
    (void)state;
    const um_shape bad[] = { { 1, 1, 1, 5 }, { 0, 1, 1, 1 }, { -2, -3, 1, 1 } };
    for (size_t i = 0; i < UM_COUNT(bad); i++)
        check_refused(apply, &bad[i], &(um_shape){ 1, 1, 2, 3 }, 1, UM_BAD_SHAPE, "[");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reshape_vjp_matches_differences),
        cmocka_unit_test(the_numbers_keep_their_order),
        cmocka_unit_test(another_count_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
