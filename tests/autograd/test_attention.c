/* SPDX-License-Identifier: MIT */
#include "autograd/gradient.h"

typedef struct attention_case {
    um_shape x;
    int heads;
    const char *why;
} attention_case;

static const attention_case cases[] = {
    { { 1, 1, 1, 1 }, 1, "one number" },
    { { 2, 1, 1, 6 }, 2, "one token: weights are 1, queries and keys have no gradient" },
    { { 2, 3, 5, 6 }, 1, "one head, odd sizes" },
    { { 2, 2, 3, 6 }, 3, "heads side by side" },
    { { 1, 3, 3, 5 }, 5, "heads of one channel" },
    { { 1, 4, 4, 16 }, 2, "heads of 8, as the U-Net has them" },
};

static um_var apply(um_tape *t, const um_var *in, const void *arg)
{
    const attention_case *k = arg;
    return um_attention(t, in[0], in[1], in[2], k->heads);
}

static um_var all_one(um_tape *t, const um_var *in, const void *arg)
{
    (void)arg;
    return um_attention(t, in[0], in[0], in[0], 2);
}

static um_var keys_are_values(um_tape *t, const um_var *in, const void *arg)
{
    (void)arg;
    return um_attention(t, in[0], in[1], in[1], 2);
}

static void attention_vjp_matches_differences(void **state)
{
    (void)state;
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        const attention_case *k = &cases[i];
        check_vjp(k->why, apply, k,
                  (given[]){ { .shape = k->x }, { .shape = k->x }, { .shape = k->x } }, 3);
    }
    const given in[] = { { .shape = { 2, 2, 2, 4 } }, { .shape = { 2, 2, 2, 4 } } };
    check_vjp("one tensor is all three", all_one, NULL, in, 1);
    check_vjp("one tensor is keys and values", keys_are_values, NULL, in, 2);
}

static void each_head_weighs_its_own_columns(void **state)
{
    (void)state;
    const double l3 = 1.0986122886681098; /* exp(l3) = 3: weights 1/4 and 3/4 */
    const um_shape two[] = { { 1, 1, 2, 2 }, { 1, 1, 2, 2 }, { 1, 1, 2, 2 } };
    const double in[] = { 1, 0, 0, 1, /* keys */ 0, 0, l3, l3, /* values */ 4, 40, 8, 80 };
    check_values(apply, &(attention_case){ .heads = 2 }, two, 3, in, (double[]){ 7, 60, 6, 70 });
}

static void scores_are_scaled_by_the_root_of_the_head_size(void **state)
{
    (void)state;
    const double l3 = 1.0986122886681098;
    const um_shape four[] = { { 1, 1, 2, 4 }, { 1, 1, 2, 4 }, { 1, 1, 2, 4 } };
    const double in[] = { 2, 0, 0, 0, 0, 0, 0, 0, /* keys */ 0, 0, 0, 0, l3, 0, 0, 0,
                          /* values */ 0, 0, 0, 0, 4, 8, 0, 4 };
    check_values(apply, &(attention_case){ .heads = 1 }, four, 3, in,
                 (double[]){ 3, 6, 0, 3, 2, 4, 0, 2 });
}

static void wrong_shapes_are_refused(void **state)
{
    (void)state;
    const um_shape x = { 1, 2, 2, 6 }, y = { 1, 4, 1, 6 };
    const struct {
        um_shape shapes[3];
        int heads;
        const char *words;
    } bad[] = {
        { { x, x, x }, 4, "6 channels in 4 heads" },
        { { x, x, x }, 0, "6 channels in 0 heads" },
        { { x, y, x }, 2, "of the same shape" },
        { { x, x, y }, 2, "of the same shape" },
    };
    for (size_t i = 0; i < UM_COUNT(bad); i++)
        check_refused(apply, &(attention_case){ .heads = bad[i].heads }, bad[i].shapes, 3,
                      UM_BAD_SHAPE, bad[i].words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attention_vjp_matches_differences),
        cmocka_unit_test(each_head_weighs_its_own_columns),
        cmocka_unit_test(scores_are_scaled_by_the_root_of_the_head_size),
        cmocka_unit_test(wrong_shapes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
