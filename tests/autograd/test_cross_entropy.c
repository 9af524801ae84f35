/* SPDX-License-Identifier: MIT */
#include "autograd/gradient.h"

#include <math.h>

static um_var apply(um_tape *t, const um_var *in, const void *arg)
{
    (void)arg;
    return um_cross_entropy(t, in[0], in[1]);
}

/* 0, 2, 1, 2, 0 ... */
static void classes(um_real *x, size_t count, const um_random *r)
{
    (void)r;
    static const int digits[] = { 0, 2, 1, 2 };
    for (size_t i = 0; i < count; i++) x[i] = digits[i % UM_COUNT(digits)];
}

static void cross_entropy_vjp_matches_differences(void **state)
{
    (void)state;
    const given labels = { { 5, 1, 1, 1 }, classes, true };
    const given one = { { 1, 1, 1, 1 }, classes, true };
    check_vjp("three classes", apply, NULL,
              (given[]){ { .shape = { 5, 1, 1, 3 } }, labels }, 2);
    check_vjp("many classes", apply, NULL, (given[]){ { .shape = { 5, 1, 1, 17 } }, labels }, 2);
    check_vjp("a single class", apply, NULL, (given[]){ { .shape = { 1, 1, 1, 1 } }, one }, 2);
}

/* Odds of 1 to 1, 3 to 1 and, in numbers whose exponential is none, of all to nothing. */
static void values_are_those_of_the_odds(void **state)
{
    (void)state;
    const um_shape shapes[] = { { 4, 1, 1, 2 }, { 4, 1, 1, 1 } };
    const double in[] = { 7, 7, log(3), 0, 0, log(3), 2000, 1000, /* labels */ 1, 0, 0, 1 };
    check_values(apply, NULL, shapes, 2, in,
                 (double[]){ log(2), log(4) - log(3), log(4), 1000 });
}

static void labels_outside_take_the_nearest_class(void **state)
{
    (void)state;
    const um_shape shapes[] = { { 3, 1, 1, 2 }, { 3, 1, 1, 1 } };
    const double in[] = { log(3), 0, log(3), 0, log(3), 0, /* labels */ -1, 7, NAN };
    check_values(apply, NULL, shapes, 2, in,
                 (double[]){ log(4) - log(3), log(4), log(4) - log(3) });
}

static void wrong_shapes_are_refused(void **state)
{
    (void)state;
    const um_shape bad[][2] = {
        { { 2, 1, 3, 2 }, { 2, 1, 1, 1 } },
        { { 2, 1, 1, 3 }, { 3, 1, 1, 1 } },
        { { 2, 1, 1, 3 }, { 2, 1, 1, 3 } },
    };
    for (size_t i = 0; i < UM_COUNT(bad); i++)
        check_refused(apply, NULL, bad[i], 2, UM_BAD_SHAPE, "cross_entropy: [2,");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cross_entropy_vjp_matches_differences),
        cmocka_unit_test(values_are_those_of_the_odds),
        cmocka_unit_test(labels_outside_take_the_nearest_class),
        cmocka_unit_test(wrong_shapes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
