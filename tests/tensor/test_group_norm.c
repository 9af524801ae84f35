/* SPDX-License-Identifier: MIT */
#include "tensor/norm_case.h"

static void compare(const um_kernels *fast, const um_kernels *scalar, const norm_shape *p,
                    bool silu, bool offset, placement at)
{
    kernel_case c = { 0 };
    norm a = norm_make(&c, p, silu, at), b;
    if (!offset) a.offset = NULL;
    b = a;
    norm_forward(&c, fast, &a, at);
    norm_forward(&c, scalar, &b, ALIGNED);
    case_near(p->why, a.count, a.y, b.y, 2e-6);
    case_near(p->why, a.groups, a.mean, b.mean, 1e-6);
    case_near(p->why, a.groups, a.rstd, b.rstd, 1e-6);
    case_end(&c);
}

static void compare_shapes(const um_kernels *fast, const um_kernels *scalar)
{
    for (size_t i = 0; i < UM_COUNT(norm_shapes); i++)
        for (int how = 0; how < 8; how++)
            compare(fast, scalar, &norm_shapes[i], how & 1, how & 2, how & 4 ? UNALIGNED : ALIGNED);
}

static void every_shape_agrees_with_its_definition(void **state)
{
    (void)state;
    for_each_tier(compare_shapes);
}

static void the_definition_has_known_values(void **state)
{
    (void)state;
    const um_group_norm_shape s = { .n = 1, .hw = 2, .c = 2, .groups = 1, .eps = 0 };
    const um_real x[] = { 1, 2, 3, 6 }, gamma[] = { 1, 2 }, beta[] = { 0, 10 };
    const um_real less[] = { -4, 22, -2, 26 }, offset[] = { 5, -20 };
    const double r = 1 / sqrt(3.5); /* the squares of -2, -1, 0, 3 make 14 */
    for (int i = 0; i < 2; i++) {
        um_real y[4], mean, rstd;
        um_kernels_tier(0)->group_norm(&s, i ? less : x, i ? offset : NULL, gamma, beta, y, &mean,
                                       &rstd);
        CHECK_NEAR(mean, 3, 1e-7);
        CHECK_NEAR(rstd, r, 1e-7);
        CHECK_NEAR(y[0], -2 * r, 1e-6);
        CHECK_NEAR(y[1], 10 - 2 * r, 1e-6);
        CHECK_NEAR(y[2], 0, 1e-6);
        CHECK_NEAR(y[3], 10 + 6 * r, 1e-6);
    }
}

/* where group j of all images starts */
static size_t first_of(const um_group_norm_shape *s, size_t j)
{
    const size_t image = j / s->groups, group = j % s->groups;
    return image * s->hw * s->c + group * (s->c / s->groups);
}

/* what is left of a deviation of 1 when all numbers lie near `mean`, the first of each group
 * apart, and all offsets near `offset` */
static void shift(const um_kernels *fast, const um_kernels *scalar, um_real mean, um_real first,
                  um_real offset)
{
    for (size_t i = 0; i < UM_COUNT(norm_shapes); i++) {
        kernel_case c = { 0 };
        norm a = norm_make(&c, &norm_shapes[i], false, UNALIGNED), b;
        for (size_t j = 0; j < a.count; j++) a.x[j] += mean;
        for (size_t j = 0; j < a.groups; j++) a.x[first_of(&a.s, j)] += first;
        for (size_t j = 0; j < a.sums; j++) a.offset[j] += offset;
        if (offset == 0) a.offset = NULL;
        b = a;
        norm_forward(&c, fast, &a, UNALIGNED);
        norm_forward(&c, scalar, &b, UNALIGNED);
        case_near(norm_shapes[i].why, a.count, a.y, b.y, 1e-5);
        case_near(norm_shapes[i].why, a.groups, a.rstd, b.rstd, 1e-5);
        case_end(&c);
    }
}

static void shift_far(const um_kernels *fast, const um_kernels *scalar)
{
    shift(fast, scalar, 1000, 0, 0);
    shift(fast, scalar, -1e5f, 0, 0);
    shift(fast, scalar, 1000, 300, 0);
    shift(fast, scalar, 0, 1e4f, 0);
    shift(fast, scalar, 0, 0, 1000);
    shift(fast, scalar, 1000, 0, -1000);
    shift(fast, scalar, -1e5f, 300, 1e5f);
    shift(fast, scalar, 3000, 1e4f, -1e5f);
}

static void a_mean_far_from_zero_costs_no_digits(void **state)
{
    (void)state;
    for_each_tier(shift_far);
}

/* the groups all of one number, or made so by the offset */
static void flatten(const um_kernels *fast, const um_kernels *scalar)
{
    (void)scalar;
    const norm_shape p = { 2, 100, 128, 32, "as in a U-Net" };
    for (int offset = 0; offset < 2; offset++) {
        kernel_case c = { 0 };
        norm a = norm_make(&c, &p, false, UNALIGNED);
        for (size_t i = 0; i < a.sums; i++) a.offset[i] = 0.25f * (um_real)(i % a.channels);
        for (size_t i = 0; i < a.count; i++)
            a.x[i] = offset ? 1000 - a.offset[i % a.channels] : 1000.37f;
        if (!offset) a.offset = NULL;
        norm_forward(&c, fast, &a, UNALIGNED);
        for (size_t i = 0; i < a.count; i++) assert_true(a.y[i] == a.beta[i % a.channels]);
        for (size_t i = 0; i < a.groups; i++) CHECK_NEAR(a.rstd[i], 1 / sqrt(1e-5), 1e-4);
        case_end(&c);
    }
}

static void a_constant_image_becomes_beta(void **state)
{
    (void)state;
    for_each_tier(flatten);
}

static void change_threads(const um_kernels *fast, const um_kernels *scalar)
{
    (void)scalar;
    norm_on_threads(fast, 0);
}

static void bits_do_not_depend_on_threads(void **state)
{
    (void)state;
    for_each_tier(change_threads);
}

static void leave_alone(const um_kernels *fast, const um_kernels *scalar)
{
    (void)scalar;
    kernel_case c = { 0 };
    norm a;
    norm_beside_nan(&c, fast, 0, &a);
    for (int p = 0; p < NORM_PIXELS; p++)
        for (int k = 0; k < NORM_CHANNELS; k++)
            assert_int_equal(isnan(a.y[p * NORM_CHANNELS + k]) != 0, k < NORM_GROUP);
    case_end(&c);
}

static void an_image_is_alone_in_its_batch(void **state)
{
    (void)state;
    for_each_tier(leave_alone);
}

static void overwrite(const um_kernels *fast, const um_kernels *scalar)
{
    (void)scalar;
    for (size_t i = 0; i < UM_COUNT(norm_shapes); i++) {
        kernel_case c = { 0 };
        norm a = norm_make(&c, &norm_shapes[i], true, UNALIGNED);
        norm_forward(&c, fast, &a, UNALIGNED);
        fast->group_norm(&a.s, a.x, a.offset, a.gamma, a.beta, a.x, a.mean, a.rstd);
        case_same_bits(norm_shapes[i].why, a.count, a.x, a.y);
        case_end(&c);
    }
}

static void y_may_be_x(void **state)
{
    (void)state;
    for_each_tier(overwrite);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_definition_has_known_values),
        cmocka_unit_test(every_shape_agrees_with_its_definition),
        cmocka_unit_test(a_mean_far_from_zero_costs_no_digits),
        cmocka_unit_test(a_constant_image_becomes_beta),
        cmocka_unit_test(bits_do_not_depend_on_threads),
        cmocka_unit_test(an_image_is_alone_in_its_batch),
        cmocka_unit_test(y_may_be_x),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
