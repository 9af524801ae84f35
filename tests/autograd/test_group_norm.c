/* SPDX-License-Identifier: MIT */
#include "autograd/gradient.h"

#include <math.h>

typedef struct norm_case {
    um_shape x;
    int groups;
    bool silu;
    double eps;
    const char *why;
} norm_case;

static const norm_case cases[] = {
    { { 1, 1, 1, 8 }, 8, false, 1e-5, "one value in a group: its variance is exactly zero" },
    { { 1, 1, 1, 8 }, 8, true, 1e-5, "the same, with SiLU" },
    { { 2, 5, 3, 6 }, 3, false, 1e-5, "odd sizes" },
    { { 2, 5, 3, 6 }, 3, true, 1e-5, "odd sizes, with SiLU" },
    { { 3, 2, 2, 4 }, 1, true, 1e-6, "one group over all channels" },
    { { 2, 3, 2, 5 }, 5, false, 0.5, "each channel its own group, a large eps" },
    { { 1, 4, 4, 64 }, 32, true, 1e-5, "the groups of the U-Net" },
};

static um_var apply(um_tape *t, const um_var *in, const void *arg)
{
    const norm_case *k = arg;
    return um_group_norm(t, in[0], in[1], in[2], in[3], k->groups, k->eps, k->silu);
}

static um_var scale_is_shift(um_tape *t, const um_var *in, const void *arg)
{
    (void)arg;
    return um_group_norm(t, in[0], in[1], in[1], in[2], 2, 1e-5, true);
}

static um_var all_one(um_tape *t, const um_var *in, const void *arg)
{
    (void)arg;
    return um_group_norm(t, in[0], in[0], in[0], in[0], 2, 1e-5, true);
}

static um_var only_with_offset(um_tape *t, const um_var *in, const void *arg)
{
    const norm_case *k = arg;
    return um_group_norm(t, in[0], in[1], in[1], in[1], k->groups, k->eps, k->silu);
}

static void group_norm_vjp_matches_differences(void **state)
{
    (void)state;
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        const um_shape c = { 1, 1, 1, cases[i].x.c }, offset = { cases[i].x.n, 1, 1, c.c };
        const bool gone = cases[i].groups == c.c; /* the norm of one channel undoes its offset */
        const given in[] = { { .shape = cases[i].x }, { .shape = c }, { .shape = c },
                             { .shape = offset, .fixed = gone } };
        check_vjp(cases[i].why, apply, &cases[i], in, 3);
        check_vjp(cases[i].why, apply, &cases[i], in, 4);
    }
}

static void one_tensor_may_be_several_inputs(void **state)
{
    (void)state;
    const given in[] = { { .shape = { 2, 3, 1, 4 } }, { .shape = { 1, 1, 1, 4 } },
                         { .shape = { 2, 1, 1, 4 } } };
    const given one[] = { { .shape = { 1, 3, 1, 4 } }, { .shape = { 1, 1, 1, 4 } } };
    check_vjp("scale and shift", scale_is_shift, NULL, in, 2);
    check_vjp("scale and shift, beside an offset", scale_is_shift, NULL, in, 3);
    check_vjp("all but x", only_with_offset, &(norm_case){ .groups = 2, .eps = 1e-5 }, one, 2);
    check_vjp("all", all_one, NULL, &in[1], 1);
}

static void group_norm_scales_and_shifts_unit_variance(void **state)
{
    (void)state;
    const um_shape shapes[] = { { 1, 1, 2, 2 }, { 1, 1, 1, 2 }, { 1, 1, 1, 2 } };
    const double in[] = { -1, 1, -1, 1, 2, 3, 0, 1 };
    const double silu[] = { -2 / (1 + exp(2)), 4 / (1 + exp(-4)) };
    check_values(apply, &(norm_case){ .groups = 1 }, shapes, 3, in, (double[]){ -2, 4, -2, 4 });
    check_values(apply, &(norm_case){ .groups = 1, .silu = true }, shapes, 3, in,
                 (double[]){ silu[0], silu[1], silu[0], silu[1] });
}

static void each_image_has_its_own_offset(void **state)
{
    (void)state;
    const um_shape shapes[] = { { 2, 1, 2, 2 }, { 1, 1, 1, 2 }, { 1, 1, 1, 2 }, { 2, 1, 1, 2 } };
    const double in[] = { -1 - 10, 1 + 20, -1 - 10, 1 + 20, 3 + 5, 7, 3 + 5, 7, /* x */
                          2, 3, 0, 1, 10, -20, -5, 0 };
    check_values(apply, &(norm_case){ .groups = 1 }, shapes, 4, in,
                 (double[]){ -2, 4, -2, 4, -2, 4, -2, 4 });
}

static void wrong_shapes_are_refused(void **state)
{
    (void)state;
    const um_shape x = { 2, 2, 2, 6 }, c = { 1, 1, 1, 6 };
    const norm_case two = { .groups = 2 }, four = { .groups = 4 }, none = { .groups = 0 };
    const struct {
        um_shape shapes[4];
        const norm_case *how;
        const char *words;
    } bad[] = {
        { { x, c, c }, &four, "6 channels in 4 groups" },
        { { x, c, c }, &none, "6 channels in 0 groups" },
        { { x, { 1, 1, 1, 5 }, c }, &two, "5 scales" },
        { { x, c, { 1, 1, 1, 2 } }, &two, "2 shifts" },
        { { x, c }, &two, "0 shifts" },
        { { x, c, c, c }, &two, "an offset [1, 1, 1, 6] to [2, 2, 2, 6]" },
        { { x, c, c, { 2, 1, 1, 3 } }, &two, "one number for each image and channel" },
        { { x, c, c, x }, &two, "an offset [2, 2, 2, 6]" },
    };
    for (size_t i = 0; i < UM_COUNT(bad); i++)
        check_refused(apply, bad[i].how, bad[i].shapes, 4, UM_BAD_SHAPE, bad[i].words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(group_norm_vjp_matches_differences),
        cmocka_unit_test(one_tensor_may_be_several_inputs),
        cmocka_unit_test(group_norm_scales_and_shifts_unit_variance),
        cmocka_unit_test(each_image_has_its_own_offset),
        cmocka_unit_test(wrong_shapes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
