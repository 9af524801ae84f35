/* SPDX-License-Identifier: MIT */
#include "autograd/gradient.h"

typedef struct conv_case {
    um_shape x;
    int co, k, stride, pad, pad_end;
    bool bias;
    const char *why;
} conv_case;

static const conv_case cases[] = {
    { { 1, 1, 1, 1 }, 1, 1, 1, 0, 0, true, "one number" },
    { { 2, 3, 5, 3 }, 4, 3, 1, 1, 1, true, "3x3 as the U-Net has it, odd sizes" },
    { { 2, 4, 3, 2 }, 3, 3, 1, 1, 1, false, "no bias" },
    { { 2, 6, 4, 3 }, 2, 3, 2, 1, 1, true, "stride 2, symmetric padding" },
    { { 2, 5, 7, 3 }, 2, 3, 2, 1, 1, true, "stride 2 on odd sizes" },
    { { 1, 6, 4, 2 }, 3, 3, 2, 0, 1, true, "stride 2, padding right and below alone" },
    { { 1, 5, 5, 2 }, 3, 3, 2, 0, 1, true, "the same where the last column is not reached" },
    { { 3, 2, 3, 5 }, 4, 1, 1, 0, 0, true, "1x1" },
    { { 1, 5, 4, 2 }, 2, 1, 2, 0, 0, true, "1x1 with stride: pixels that nothing reads" },
    { { 1, 1, 1, 3 }, 2, 3, 1, 1, 1, true, "a filter larger than the image" },
    { { 1, 6, 6, 2 }, 2, 5, 3, 2, 1, true, "another filter, another stride" },
};

static um_var apply(um_tape *t, const um_var *in, const void *arg)
{
    const conv_case *k = arg;
    return um_conv2d(t, in[0], in[1], in[2], k->stride, k->pad, k->pad_end);
}

static um_var with_itself(um_tape *t, const um_var *in, const void *arg)
{
    (void)arg;
    return um_conv2d(t, in[0], in[0], (um_var){ 0 }, 1, 1, 1);
}

static void conv2d_vjp_matches_differences(void **state)
{
    (void)state;
    for (size_t i = 0; i < UM_COUNT(cases); i++) {
        const conv_case *k = &cases[i];
        const given in[] = { { .shape = k->x },
                             { .shape = { k->k, k->k, k->x.c, k->co } },
                             { .shape = { 1, 1, 1, k->co } } };
        check_vjp(k->why, apply, k, in, k->bias ? 3 : 2);
    }
    check_vjp("image and weights are one", with_itself, NULL, &(given){ .shape = { 3, 3, 2, 2 } },
              1);
}

static void padding_stands_where_it_is_asked_for(void **state)
{
    (void)state;
    const um_shape shapes[] = { { 1, 2, 2, 1 }, { 3, 3, 1, 1 }, { 1, 1, 1, 1 } };
    const double in[] = { 1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0.5 };
    const conv_case behind = { .stride = 2, .pad_end = 1 }, before = { .stride = 2, .pad = 1 };
    check_values(apply, &behind, shapes, 3, in, (double[]){ 1 + 4 + 12 + 20 + 0.5 });
    check_values(apply, &before, shapes, 3, in, (double[]){ 5 + 12 + 24 + 36 + 0.5 });
}

static void wrong_shapes_are_refused(void **state)
{
    (void)state;
    const um_shape x = { 1, 2, 2, 3 }, w = { 3, 3, 3, 4 };
    const conv_case one = { .stride = 1, .pad = 1, .pad_end = 1 }, none = { .stride = 1 };
    const conv_case wide = { .stride = 1, .pad = 3, .pad_end = 1 },
                    still = { .pad = 1, .pad_end = 1 };
    const struct {
        um_shape shapes[3];
        const conv_case *how;
        const char *words;
    } bad[] = {
        { { x, { 3, 3, 2, 4 } }, &one, "3 channels" },
        { { x, { 3, 1, 3, 4 } }, &one, "weights [3, 1, 3, 4]" },
        { { x, w, { 1, 1, 1, 3 } }, &one, "a bias for each" },
        { { x, w }, &none, "room for the filter" },
        { { x, w }, &wide, "padding 3 and 1" },
        { { x, w }, &still, "stride 0" },
    };
    for (size_t i = 0; i < UM_COUNT(bad); i++)
        check_refused(apply, bad[i].how, bad[i].shapes, 3, UM_BAD_SHAPE, bad[i].words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv2d_vjp_matches_differences),
        cmocka_unit_test(padding_stands_where_it_is_asked_for),
        cmocka_unit_test(wrong_shapes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
