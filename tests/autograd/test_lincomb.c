/* SPDX-License-Identifier: MIT */
#include "autograd/gradient.h"

static um_var combine(um_tape *t, const um_var *in, const void *arg)
{
    const double *factor = arg;
    return um_lincomb(t, factor[0], in[0], factor[1], in[1]);
}

static um_var add(um_tape *t, const um_var *in, const void *arg)
{
    (void)arg;
    return um_add(t, in[0], in[1]);
}

static um_var add_itself(um_tape *t, const um_var *in, const void *arg)
{
    (void)arg;
    return um_add(t, in[0], in[0]);
}

static um_var scale(um_tape *t, const um_var *in, const void *arg)
{
    const double *factor = arg;
    return um_scale(t, *factor, in[0]);
}

static void lincomb_vjp_matches_differences(void **state)
{
    (void)state;
    const given two[] = { { .shape = { 2, 3, 5, 7 } }, { .shape = { 2, 3, 5, 7 } } };
    const given one[] = { { .shape = { 1, 1, 1, 1 } }, { .shape = { 1, 1, 1, 1 } } };
    check_vjp("odd sizes", combine, (double[]){ 1.5, -0.3 }, two, 2);
    check_vjp("one number", combine, (double[]){ 1.5, -0.3 }, one, 2);
    check_vjp("a factor of zero", combine, (double[]){ 0, 2 }, two, 2);
    check_vjp("a sum", add, NULL, two, 2);
    check_vjp("a tensor and itself", add_itself, NULL, two, 1);
    check_vjp("a multiple", scale, (double[]){ -2.5 }, two, 1);
}

static void sums_and_multiples_have_their_values(void **state)
{
    (void)state;
    const um_shape two[] = { { 1, 1, 1, 2 }, { 1, 1, 1, 2 } };
    const double in[] = { 1, 2, 30, 40 };
    check_values(combine, (double[]){ 2, -3 }, two, 2, in, (double[]){ -88, -116 });
    check_values(add, NULL, two, 2, in, (double[]){ 31, 42 });
    check_values(scale, (double[]){ 4 }, two, 1, in, (double[]){ 4, 8 });
}

static void other_shapes_are_refused(void **state)
{
    (void)state;
    const um_shape two[] = { { 1, 2, 3, 4 }, { 1, 3, 2, 4 } };
    check_refused(combine, (double[]){ 1, 1 }, two, 2, UM_BAD_SHAPE, "lincomb: [1, 2, 3, 4]");
    check_refused(add, NULL, two, 2, UM_BAD_SHAPE, "add: [1, 2, 3, 4] and [1, 3, 2, 4]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lincomb_vjp_matches_differences),
        cmocka_unit_test(sums_and_multiples_have_their_values),
        cmocka_unit_test(other_shapes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
