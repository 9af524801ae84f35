/* SPDX-License-Identifier: MIT */
#include "autograd/gradient.h"

static um_var apply(um_tape *t, const um_var *in, const void *arg)
{
    (void)arg;
    return um_multiply(t, in[0], in[1]);
}

static um_var square(um_tape *t, const um_var *in, const void *arg)
{
    (void)arg;
    return um_multiply(t, in[0], in[0]);
}

static void multiply_vjp_matches_differences(void **state)
{
    (void)state;
    check_vjp("odd sizes", apply, NULL,
              (given[]){ { .shape = { 2, 3, 5, 7 } }, { .shape = { 2, 3, 5, 7 } } }, 2);
    check_vjp("one number", apply, NULL,
              (given[]){ { .shape = { 1, 1, 1, 1 } }, { .shape = { 1, 1, 1, 1 } } }, 2);
    check_vjp("squares", square, NULL, &(given){ .shape = { 1, 1, 3, 3 } }, 1);
}

static void products_are_elementwise(void **state)
{
    (void)state;
    const um_shape two[] = { { 1, 1, 1, 2 }, { 1, 1, 1, 2 } };
    check_values(apply, NULL, two, 2, (double[]){ 2, 3, 5, 7 }, (double[]){ 10, 21 });
}

static void other_shapes_are_refused(void **state)
{
    (void)state;
    const um_shape two[] = { { 1, 2, 3, 4 }, { 1, 1, 1, 4 } };
    check_refused(apply, NULL, two, 2, UM_BAD_SHAPE, "multiply: [1, 2, 3, 4] and [1, 1, 1, 4]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(multiply_vjp_matches_differences),
        cmocka_unit_test(products_are_elementwise),
        cmocka_unit_test(other_shapes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
