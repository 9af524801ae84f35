/* SPDX-License-Identifier: MIT */
#include "autograd/gradient.h"

typedef struct matmul_case {
    um_shape a, b;
    const char *why;
} matmul_case;

static const matmul_case cases[] = {
    { { 1, 1, 1, 1 }, { 1, 1, 1, 1 }, "one number" },
    { { 2, 3, 4, 5 }, { 2, 3, 5, 7 }, "a batch in both of the outer sizes" },
    { { 3, 1, 1, 6 }, { 3, 1, 6, 1 }, "scalar products" },
    { { 1, 2, 5, 1 }, { 1, 2, 1, 3 }, "outer products" },
};

static um_var apply(um_tape *t, const um_var *in, const void *arg)
{
    (void)arg;
    return um_matmul(t, in[0], in[1]);
}

static um_var with_itself(um_tape *t, const um_var *in, const void *arg)
{
    (void)arg;
    return um_matmul(t, in[0], in[0]);
}

static void matmul_vjp_matches_differences(void **state)
{
    (void)state;
    for (size_t i = 0; i < UM_COUNT(cases); i++)
        check_vjp(cases[i].why, apply, NULL,
                  (given[]){ { .shape = cases[i].a }, { .shape = cases[i].b } }, 2);
    check_vjp("the squares of matrices", with_itself, NULL, &(given){ .shape = { 2, 1, 3, 3 } }, 1);
}

static void each_matrix_of_the_batch_meets_its_own(void **state)
{
    (void)state;
    const um_shape shapes[] = { { 2, 1, 1, 2 }, { 2, 1, 2, 1 } };
    check_values(apply, NULL, shapes, 2, (double[]){ 1, 2, 3, 4, 5, 6, 7, 8 },
                 (double[]){ 17, 53 });
}

static void wrong_shapes_are_refused(void **state)
{
    (void)state;
    const um_shape bad[][2] = {
        { { 1, 1, 2, 3 }, { 1, 1, 4, 5 } },
        { { 2, 1, 2, 3 }, { 1, 1, 3, 5 } },
        { { 1, 2, 2, 3 }, { 1, 1, 3, 5 } },
    };
    for (size_t i = 0; i < UM_COUNT(bad); i++)
        check_refused(apply, NULL, bad[i], 2, UM_BAD_SHAPE, "as many columns as rows");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matmul_vjp_matches_differences),
        cmocka_unit_test(each_matrix_of_the_batch_meets_its_own),
        cmocka_unit_test(wrong_shapes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
