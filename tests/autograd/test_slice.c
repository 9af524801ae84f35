/* SPDX-License-Identifier: MIT */
#include "autograd/gradient.h"

typedef struct slice_case {
    um_shape x;
    int from, count;
    const char *why;
} slice_case;

static const slice_case cases[] = {
    { { 2, 3, 5, 7 }, 0, 3, "the first channels" },
    { { 2, 3, 5, 7 }, 2, 3, "inner channels" },
    { { 2, 3, 5, 7 }, 6, 1, "the last channel" },
    { { 1, 1, 1, 4 }, 0, 4, "all channels" },
};

static um_var apply(um_tape *t, const um_var *in, const void *arg)
{
    const slice_case *k = arg;
    return um_slice(t, in[0], k->from, k->count);
}

static um_var halves_multiplied(um_tape *t, const um_var *in, const void *arg)
{
    (void)arg;
    const um_var left = um_slice(t, in[0], 0, 3);
    return um_multiply(t, left, um_slice(t, in[0], 3, 3));
}

static void slice_vjp_matches_differences(void **state)
{
    (void)state;
    for (size_t i = 0; i < UM_COUNT(cases); i++)
        check_vjp(cases[i].why, apply, &cases[i], &(given){ .shape = cases[i].x }, 1);
    check_vjp("two slices of one tensor", halves_multiplied, NULL,
              &(given){ .shape = { 2, 1, 3, 6 } }, 1);
}

static void slice_gives_the_channels_asked_for(void **state)
{
    (void)state;
    check_values(apply, &(slice_case){ .from = 1, .count = 2 }, &(um_shape){ 1, 1, 2, 3 }, 1,
                 (double[]){ 1, 2, 3, 4, 5, 6 }, (double[]){ 2, 3, 5, 6 });
}

static void channels_outside_are_refused(void **state)
{
    (void)state;
    const int bad[][2] = { { -1, 2 }, { 0, 0 }, { 0, 4 }, { 2, 2 }, { 3, 1 }, { 2, INT32_MAX } };
    for (size_t i = 0; i < UM_COUNT(bad); i++)
        check_refused(apply, &(slice_case){ .from = bad[i][0], .count = bad[i][1] },
                      &(um_shape){ 1, 1, 2, 3 }, 1, UM_BAD_SHAPE, "of 3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slice_vjp_matches_differences),
        cmocka_unit_test(slice_gives_the_channels_asked_for),
        cmocka_unit_test(channels_outside_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
