/* SPDX-License-Identifier: MIT */
#include "autograd/gradient.h"

#include <math.h>

typedef struct embedding_case {
    int dim;
    bool flip;
    double shift;
} embedding_case;

static um_var apply(um_tape *t, const um_var *in, const void *arg)
{
    const embedding_case *k = arg;
    return um_timestep_embedding(t, in[0], k->dim, k->flip, k->shift);
}

static void sines_and_cosines_stand_as_diffusers_has_them(void **state)
{
    (void)state;
    const um_shape two = { 2, 1, 1, 1 };
    const double in[] = { 0, 3 };
    const double plain[] = { 0, 0, 1, 1, sin(3), sin(0.03), cos(3), cos(0.03) };
    const double flipped[] = { 1, 1, 0, 0, cos(3), cos(0.03), sin(3), sin(0.03) };
    const double shifted[] = { 0, 0, 1, 1, sin(3), sin(0.0003), cos(3), cos(0.0003) };
    const double odd[] = { 0, 0, 1, 1, 0, sin(3), sin(0.03), cos(3), cos(0.03), 0 };
    check_values(apply, &(embedding_case){ 4, false, 0 }, &two, 1, in, plain);
    check_values(apply, &(embedding_case){ 4, true, 0 }, &two, 1, in, flipped);
    check_values(apply, &(embedding_case){ 4, false, 1 }, &two, 1, in, shifted);
    check_values(apply, &(embedding_case){ 5, false, 0 }, &two, 1, in, odd);
}

static void a_timestep_has_no_gradient(void **state)
{
    (void)state;
    check_no_gradient(apply, &(embedding_case){ 4, true, 0 }, &(um_shape){ 2, 1, 1, 1 }, 1);
}

static void impossible_sizes_are_refused(void **state)
{
    (void)state;
    const um_shape one = { 3, 1, 1, 1 }, wide = { 1, 1, 1, 3 };
    const embedding_case fine = { 4, false, 0 }, narrow = { 1, false, 0 },
                         shifted = { 2, false, 1 };
    check_refused(apply, &fine, &wide, 1, UM_BAD_SHAPE, "one number an image");
    check_refused(apply, &narrow, &one, 1, UM_BAD_ARG, "at least 2 channels");
    check_refused(apply, &shifted, &one, 1, UM_BAD_ARG, "freq_shift 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sines_and_cosines_stand_as_diffusers_has_them),
        cmocka_unit_test(a_timestep_has_no_gradient),
        cmocka_unit_test(impossible_sizes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
