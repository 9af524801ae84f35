/* SPDX-License-Identifier: MIT */
#include "tensor/elementwise_case.h"

static void compare_squares(const um_kernels *fast, const um_kernels *scalar)
{
    for (size_t i = 0; i < 2 * UM_COUNT(LENGTHS); i++) {
        kernel_case c = { 0 };
        const um_real *x = case_random(&c, LENGTHS[i / 2], i % 2);
        const double right = scalar->sum_squares(LENGTHS[i / 2], x);
        CHECK_NEAR(fast->sum_squares(LENGTHS[i / 2], x), right, 1e-13 * right);
        case_end(&c);
    }
}

static void sums_of_squares_agree_with_their_definition(void **state)
{
    (void)state;
    const um_real x[] = { 1, -2, 3 };
    assert_true(um_kernels_tier(0)->sum_squares(3, x) == 14);
    for_each_tier(compare_squares);
}

static void square_extremes(const um_kernels *fast, const um_kernels *scalar)
{
    const um_real far[] = { 1e30f, 1e-30f, 1e-45f, 0 };
    for (size_t i = 0; i < UM_COUNT(far); i++) {
        um_real x[21];
        for (int j = 0; j < 21; j++) x[j] = far[i];
        const double right = scalar->sum_squares(21, x);
        CHECK_NEAR(fast->sum_squares(21, x), right, 1e-13 * right);
        x[20] = (um_real)NAN;
        assert_true(isnan(fast->sum_squares(21, x)));
    }
}

static void no_square_overflows_or_vanishes(void **state)
{
    (void)state;
    for_each_tier(square_extremes);
}

static void change_threads(const um_kernels *fast, const um_kernels *scalar)
{
    (void)scalar;
    kernel_case c = { 0 };
    const size_t count = 1000003;
    const um_real *x = case_random(&c, count, UNALIGNED);
    const double once = fast->sum_squares(count, x);
    FOR_THREADS(threads, assert_true(fast->sum_squares(count, x) == once));
    case_end(&c);
}

static void bits_do_not_depend_on_threads(void **state)
{
    (void)state;
    for_each_tier(change_threads);
}

static void hide_one(const um_kernels *fast, const um_kernels *scalar)
{
    static const float bad[] = { NAN, -NAN, INFINITY, -INFINITY };
    const um_kernels *both[] = { fast, scalar };
    for (size_t i = 0; i < UM_COUNT(LENGTHS); i++)
        for (int k = 0; k < 2; k++) {
            const size_t n = LENGTHS[i], places[] = { 0, n / 2, n - 1 };
            kernel_case c = { 0 };
            um_real *x = case_random(&c, n, UNALIGNED);
            x[n / 3] = -FLT_MAX;
            assert_true(both[k]->all_finite(n, x));
            for (size_t j = 0; j < UM_COUNT(places) * UM_COUNT(bad); j++) {
                const um_real before = x[places[j / 4]];
                x[places[j / 4]] = bad[j % 4];
                assert_false(both[k]->all_finite(n, x));
                x[places[j / 4]] = before;
            }
            case_end(&c);
        }
}

static void one_number_that_is_not_finite_is_found_anywhere(void **state)
{
    (void)state;
    for_each_tier(hide_one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_of_squares_agree_with_their_definition),
        cmocka_unit_test(no_square_overflows_or_vanishes),
        cmocka_unit_test(bits_do_not_depend_on_threads),
        cmocka_unit_test(one_number_that_is_not_finite_is_found_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
