/* SPDX-License-Identifier: MIT */
#include "autograd/gradient.h"

static um_var apply(um_tape *t, const um_var *in, const void *arg)
{
    (void)arg;
    return um_softmax(t, in[0]);
}

static void softmax_vjp_matches_differences(void **state)
{
    (void)state;
    check_vjp("rows in all sizes, odd", apply, NULL, &(given){ .shape = { 2, 3, 5, 7 } }, 1);
    check_vjp("one row", apply, NULL, &(given){ .shape = { 1, 1, 1, 9 } }, 1);
    check_vjp("rows of one number: always 1", apply, NULL, &(given){ .shape = { 1, 1, 4, 1 } }, 1);
}

static void a_row_sums_to_one_however_large(void **state)
{
    (void)state;
    const double in[] = { 0, 1.0986122886681098, 1e4, 1e4 };
    check_values(apply, NULL, &(um_shape){ 1, 1, 2, 2 }, 1, in, (double[]){ 0.25, 0.75, 0.5, 0.5 });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(softmax_vjp_matches_differences),
        cmocka_unit_test(a_row_sums_to_one_however_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
