/* SPDX-License-Identifier: MIT */
#include "autograd/gradient.h"

static const um_activation kinds[] = { UM_SILU, UM_MISH, UM_GELU, UM_RELU };

static um_var apply(um_tape *t, const um_var *in, const void *arg)
{
    const um_activation *kind = arg;
    return um_activate(t, in[0], *kind);
}

/* the tails, where sigmoid and its derivative underflow */
static void far_out(um_real *x, size_t count, const um_random *r)
{
    um_random_normal(r, x, count);
    for (size_t i = 0; i < count; i++) x[i] += i % 2 ? 20 : -20;
}

static void activate_vjp_matches_differences(void **state)
{
    (void)state;
    for (size_t i = 0; i < UM_COUNT(kinds); i++) {
        check_vjp("odd sizes", apply, &kinds[i],
                  &(given){ .shape = { 2, 3, 5, 7 }, .fill = away_from_zero }, 1);
        check_vjp("one number", apply, &kinds[i],
                  &(given){ .shape = { 1, 1, 1, 1 }, .fill = away_from_zero }, 1);
        check_vjp("large numbers", apply, &kinds[i],
                  &(given){ .shape = { 1, 1, 3, 3 }, .fill = far_out }, 1);
    }
}

static void activations_have_their_known_values(void **state)
{
    (void)state;
    const um_shape three = { 1, 1, 1, 3 };
    const double in[] = { -1, 0, 1 };
    const double known[][3] = {
        [UM_SILU] = { -0.268941421369995, 0, 0.731058578630005 },
        [UM_MISH] = { -0.303401461374109, 0, 0.865098388267310 },
        [UM_GELU] = { -0.158655253931457, 0, 0.841344746068543 },
        [UM_RELU] = { 0, 0, 1 },
    };
    for (size_t i = 0; i < UM_COUNT(kinds); i++)
        check_values(apply, &kinds[i], &three, 1, in, known[kinds[i]]);
}

static void none_is_refused(void **state)
{
    (void)state;
    check_refused(apply, &kinds[0], (um_shape[]){ { 0 } }, 1, UM_BAD_SHAPE, "sizes of at least 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(activate_vjp_matches_differences),
        cmocka_unit_test(activations_have_their_known_values),
        cmocka_unit_test(none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
