/* SPDX-License-Identifier: MIT */
#include "autograd/gradient.h"

#include <math.h>

static um_var apply(um_tape *t, const um_var *in, const void *arg)
{
    const bool *flip = arg;
    return um_fourier_embedding(t, in[0], in[1], *flip);
}

static void angles_are_turns_of_the_logarithm(void **state)
{
    (void)state;
    const um_shape shapes[] = { { 2, 1, 1, 1 }, { 1, 1, 1, 2 } };
    const double in[] = { exp(1), exp(0.5), /* frequencies */ 0.25, -1 };
    const double half = sqrt(0.5); /* sin and cos of pi / 4 */
    check_values(apply, (bool[]){ false }, shapes, 2, in,
                 (double[]){ 1, 0, 0, 1, half, 0, half, -1 });
    check_values(apply, (bool[]){ true }, shapes, 2, in,
                 (double[]){ 0, 1, 1, 0, half, -1, half, 0 });
}

static void neither_input_has_a_gradient(void **state)
{
    (void)state;
    const um_shape shapes[] = { { 2, 1, 1, 1 }, { 1, 1, 1, 2 } };
    check_no_gradient(apply, (bool[]){ false }, shapes, 2);
}

static void wrong_shapes_are_refused(void **state)
{
    (void)state;
    const um_shape bad[][2] = { { { 1, 1, 1, 2 }, { 1, 1, 1, 2 } },
                                { { 2, 1, 1, 1 }, { 1, 1, 2, 1 } } };
    for (size_t i = 0; i < UM_COUNT(bad); i++)
        check_refused(apply, (bool[]){ false }, bad[i], 2, UM_BAD_SHAPE,
                      "one vector of frequencies");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(angles_are_turns_of_the_logarithm),
        cmocka_unit_test(neither_input_has_a_gradient),
        cmocka_unit_test(wrong_shapes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
