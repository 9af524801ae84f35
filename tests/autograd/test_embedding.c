/* SPDX-License-Identifier: MIT */
#include "autograd/gradient.h"

#include <math.h>

static um_var apply(um_tape *t, const um_var *in, const void *arg)
{
    (void)arg;
    return um_embedding(t, in[0], in[1]);
}

/* 3, 1, 4, 1, 5: a row twice, rows never */
static void whole_numbers(um_real *x, size_t count, const um_random *r)
{
    (void)r;
    const int digits[] = { 3, 1, 4, 1, 5, 9, 2, 6 };
    for (size_t i = 0; i < count; i++) x[i] = digits[i % UM_COUNT(digits)];
}

static void embedding_vjp_matches_differences(void **state)
{
    (void)state;
    const given ids = { { 5, 1, 1, 1 }, whole_numbers, true };
    check_vjp("a row twice, rows never", apply, NULL, (given[]){ { .shape = { 1, 1, 7, 3 } }, ids },
              2);
    check_vjp("one row", apply, NULL, (given[]){ { .shape = { 1, 1, 1, 4 } }, ids }, 2);
}

static void rows_come_by_number_and_outside_by_the_nearest(void **state)
{
    (void)state;
    const um_shape shapes[] = { { 1, 1, 3, 2 }, { 6, 1, 1, 1 } };
    const double in[] = { 1, 2, 3, 4, 5, 6, /* numbers */ 2, 0, 1, -1, 7, NAN };
    check_values(apply, NULL, shapes, 2, in, (double[]){ 5, 6, 1, 2, 3, 4, 1, 2, 5, 6, 1, 2 });
}

static void numbers_have_a_gradient_of_zero(void **state)
{
    (void)state;
    um_ctx ctx;
    um_tape *t = NULL;
    um_real table[6] = { 0 }, dtable[6];
    um_ctx_init(&ctx);
    CHECK_OK(&ctx, um_kernels_choose(&ctx, "scalar"));
    CHECK_OK(&ctx, um_tape_open(&t, &ctx));
    const um_var ids = um_tape_input(t, "ids", (um_shape){ 2, 1, 1, 1 });
    um_tape_want_grad(t, ids);
    const um_var rows = um_tape_param(t, "rows", (um_shape){ 1, 1, 3, 2 }, table, dtable);
    const um_var loss = um_mean(t, um_embedding(t, rows, um_scale(t, 1, ids)));
    CHECK_OK(&ctx, um_tape_plan(t, loss));
    CHECK_OK(&ctx, um_tape_commit(t));
    um_data(t, ids)[0] = 2;
    um_data(t, ids)[1] = 0;
    CHECK_OK(&ctx, um_tape_forward(t));
    CHECK_OK(&ctx, um_tape_backward(t, NULL, false));
    for (int i = 0; i < 2; i++) CHECK_NEAR(um_grad(t, ids)[i], 0, 0);
    for (int i = 0; i < 6; i++) CHECK_NEAR(dtable[i], i / 2 == 1 ? 0 : 0.25, 0);
    um_tape_close(&t);
}

static void wrong_shapes_are_refused(void **state)
{
    (void)state;
    const um_shape bad[][2] = {
        { { 2, 1, 3, 2 }, { 5, 1, 1, 1 } },
        { { 1, 1, 3, 2 }, { 5, 1, 1, 2 } },
        { { 1, 1, 3, 2 }, { 1, 1, 5, 1 } },
    };
    for (size_t i = 0; i < UM_COUNT(bad); i++)
        check_refused(apply, NULL, bad[i], 2, UM_BAD_SHAPE, "embedding: table [");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(embedding_vjp_matches_differences),
        cmocka_unit_test(rows_come_by_number_and_outside_by_the_nearest),
        cmocka_unit_test(numbers_have_a_gradient_of_zero),
        cmocka_unit_test(wrong_shapes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
