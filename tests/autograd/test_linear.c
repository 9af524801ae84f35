/* SPDX-License-Identifier: MIT */
#include "autograd/gradient.h"

typedef struct linear_case {
    um_shape x;
    int co;
    bool bias;
    const char *why;
} linear_case;

static const linear_case cases[] = {
    { { 1, 1, 1, 1 }, 1, true, "one number" },
    { { 1, 1, 1, 7 }, 3, true, "one row" },
    { { 3, 1, 1, 5 }, 8, true, "a vector for each image" },
    { { 2, 3, 5, 4 }, 9, true, "each pixel of images, odd sizes" },
    { { 2, 3, 1, 6 }, 2, false, "no bias" },
};

static um_var apply(um_tape *t, const um_var *in, const void *arg)
{
    (void)arg;
    return um_linear(t, in[0], in[1], in[2]);
}

static um_var with_itself(um_tape *t, const um_var *in, const void *arg)
{
    (void)arg;
    return um_linear(t, in[0], in[0], (um_var){ 0 });
}

static void linear_vjp_matches_differences(void **state)
{
    (void)state;
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        const linear_case *k = &cases[i];
        const given in[] = { { .shape = k->x },
                             { .shape = { 1, 1, k->x.c, k->co } },
                             { .shape = { 1, 1, 1, k->co } } };
        check_vjp(k->why, apply, k, in, k->bias ? 3 : 2);
    }
    check_vjp("the square of a matrix", with_itself, NULL, &(given){ .shape = { 1, 1, 5, 5 } }, 1);
}

static void linear_is_x_times_w_plus_bias(void **state)
{
    (void)state;
    const um_shape shapes[] = { { 1, 1, 2, 2 }, { 1, 1, 2, 3 }, { 1, 1, 1, 3 } };
    const double in[] = { 1, 2, 3, 4, 1, 0, 2, 0, 1, 3, 10, 20, 30 };
    check_values(apply, NULL, shapes, 3, in, (double[]){ 11, 22, 38, 13, 24, 48 });
}

static void wrong_shapes_are_refused(void **state)
{
    (void)state;
    const um_shape bad[][3] = {
        { { 1, 1, 2, 3 }, { 1, 1, 4, 5 } },
        { { 1, 1, 2, 3 }, { 1, 2, 3, 5 } },
        { { 1, 1, 2, 3 }, { 1, 1, 3, 5 }, { 1, 1, 1, 3 } },
        { { 1, 1, 2, 3 }, { 1, 1, 3, 5 }, { 1, 1, 5, 1 } },
        { { 1, 1, 2, 3 } },
    };
    for (size_t i = 0; i < UM_COUNT(bad); i++)
        check_refused(apply, NULL, bad[i], 3, UM_BAD_SHAPE, "linear: 3 channels");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_vjp_matches_differences),
        cmocka_unit_test(linear_is_x_times_w_plus_bias),
        cmocka_unit_test(wrong_shapes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
