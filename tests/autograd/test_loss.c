/* SPDX-License-Identifier: MIT */
#include "autograd/gradient.h"

typedef struct loss_case {
    um_loss_kind kind;
    double delta;
} loss_case;

static const loss_case kinds[] = {
    { UM_LOSS_MSE, 0 },
    { UM_LOSS_L1, 0 },
    { UM_LOSS_HUBER, 1 },
    { UM_LOSS_HUBER, 2 },
};

static um_var apply(um_tape *t, const um_var *in, const void *arg)
{
    const loss_case *k = arg;
    return um_loss(t, k->kind, k->delta, in[0], in[1]);
}

static void whole(um_real *x, size_t count, const um_random *r)
{
    for (size_t i = 0; i < count; i++) x[i] = (um_real)um_random_below(r, (uint32_t)i, 7) - 3;
}

/* The difference from a whole number is 0.3 or more away from each whole number, where the kinks
 * are. */
static void between(um_real *x, size_t count, const um_random *r)
{
    whole(x, count, r);
    for (size_t i = 0; i < count; i++) x[i] += (um_real)0.3;
}

static void loss_vjp_matches_differences(void **state)
{
    (void)state;
    const given odd[] = { { .shape = { 2, 3, 5, 7 }, .fill = between },
                          { .shape = { 2, 3, 5, 7 }, .fill = whole } };
    const given one[] = { { .shape = { 1, 1, 1, 1 }, .fill = between },
                          { .shape = { 1, 1, 1, 1 }, .fill = whole } };
    const given thin[] = { { .shape = { 5, 1, 1, 3 }, .fill = between },
                           { .shape = { 5, 1, 1, 3 }, .fill = whole } };
    for (size_t i = 0; i < UM_COUNT(kinds); i++) {
        check_vjp("odd sizes", apply, &kinds[i], odd, 2);
        check_vjp("one number", apply, &kinds[i], one, 2);
        check_vjp("many small images", apply, &kinds[i], thin, 2);
    }
}

static void each_image_has_its_own_mean(void **state)
{
    (void)state;
    const um_shape shapes[] = { { 2, 1, 1, 2 }, { 2, 1, 1, 2 } };
    const double in[] = { 1, 2, 3, 4, /* target */ 0, 4, 6, 0 };
    check_values(apply, &(loss_case){ UM_LOSS_MSE, 0 }, shapes, 2, in, (double[]){ 2.5, 12.5 });
    check_values(apply, &(loss_case){ UM_LOSS_L1, 0 }, shapes, 2, in, (double[]){ 1.5, 3.5 });
    check_values(apply, &(loss_case){ UM_LOSS_HUBER, 1 }, shapes, 2, in, (double[]){ 1, 3 });
}

static void other_shapes_are_refused(void **state)
{
    (void)state;
    const um_shape two[] = { { 1, 2, 3, 4 }, { 1, 2, 3, 1 } };
    check_refused(apply, &kinds[0], two, 2, UM_BAD_SHAPE,
                  "loss: [1, 2, 3, 4] and target [1, 2, 3, 1]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loss_vjp_matches_differences),
        cmocka_unit_test(each_image_has_its_own_mean),
        cmocka_unit_test(other_shapes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
