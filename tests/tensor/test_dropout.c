/* SPDX-License-Identifier: MIT */
#include "tensor/elementwise_case.h"

static const um_random source = { 7, UM_STREAM_DROPOUT, 3 };

static void of_many_the_asked_share_falls_and_the_rest_grows(void **state)
{
    (void)state;
    kernel_case c = { 0 };
    um_real *x = case_empty(&c, LONG, ALIGNED), *y = case_empty(&c, LONG, ALIGNED);
    for (int i = 0; i < LONG; i++) x[i] = 3;
    static const um_real rates[] = { 0.1f, 0.25f, 0.9f };
    for (size_t r = 0; r < UM_COUNT(rates); r++) {
        int fallen = 0;
        um_kernels_tier(0)->dropout(LONG, rates[r], &source, x, y, false);
        for (int i = 0; i < LONG; i++) {
            fallen += y[i] == 0;
            if (y[i] != 0) CHECK_NEAR(y[i], 3 / (1 - (double)rates[r]), 1e-5);
        }
        CHECK_NEAR(fallen / (double)LONG, rates[r], 4 * sqrt(0.25 / LONG));
    }
    case_end(&c);
}

static void an_element_falls_whatever_the_length(void **state)
{
    (void)state;
    const um_kernels *k;
    for (int tier = 0; (k = case_tier(tier)); tier++)
        for (size_t i = 0; i < UM_COUNT(LENGTHS); i++) {
            const size_t n = LENGTHS[i];
            kernel_case c = { 0 };
            um_real *x = case_random(&c, n + 5, UNALIGNED), *y = case_empty(&c, n, UNALIGNED);
            um_real *longer = case_empty(&c, n + 5, UNALIGNED);
            k->dropout(n, 0.5f, &source, x, y, false);
            k->dropout(n + 5, 0.5f, &source, x, longer, false);
            case_same_bits("the first n", n, y, longer);
            k->dropout(n, 0.5f, &source, x, x, false);
            case_same_bits("in place", n, x, y);
            case_end(&c);
        }
}

static void compare(const um_kernels *fast, const um_kernels *scalar)
{
    static const um_random sources[] = { { 0, UM_STREAM_DROPOUT, 0 },
                                         { 7, UM_STREAM_DROPOUT, 3 },
                                         { ~7ull, UM_STREAM_TEST, 0x123456789abcdefull } };
    static const um_real rates[] = { 1e-30f, 0.1f, 0.5f, 0.99999994f };
    for (size_t i = 0; i < UM_COUNT(sources) * UM_COUNT(rates) * UM_COUNT(LENGTHS); i++) {
        const size_t n = LENGTHS[i / 12];
        kernel_case c = { 0 };
        um_real *x = case_random(&c, n, UNALIGNED);
        x[n / 2] = (um_real)NAN; /* falls or stays as any other */
        for (int add = 0; add < 2; add++) {
            um_real *y = case_random(&c, n, UNALIGNED), *right = case_copy(&c, n, y, ALIGNED);
            fast->dropout(n, rates[i / 3 % 4], &sources[i % 3], x, y, add);
            scalar->dropout(n, rates[i / 3 % 4], &sources[i % 3], x, right, add);
            case_alike("dropout", n, y, right, 2e-7, 1e-6);
            for (size_t j = 0; j < n && !add; j++) assert_true((y[j] == 0) == (right[j] == 0));
        }
        case_end(&c);
    }
}

static void every_tier_has_the_mask_of_the_definition(void **state)
{
    (void)state;
    for_each_tier(compare);
}

static void adding_uses_the_same_mask(void **state)
{
    (void)state;
    kernel_case c = { 0 };
    const um_real *x = case_random(&c, 100, UNALIGNED);
    um_real *y = case_random(&c, 100, UNALIGNED), *before = case_copy(&c, 100, y, ALIGNED);
    um_real *alone = case_empty(&c, 100, UNALIGNED);
    um_kernels_tier(0)->dropout(100, 0.5f, &source, x, alone, false);
    um_kernels_tier(0)->dropout(100, 0.5f, &source, x, y, true);
    for (int i = 0; i < 100; i++) CHECK_NEAR(y[i], (double)before[i] + alone[i], 1e-6);
    case_end(&c);
}

static void change_threads(const um_kernels *fast, const um_kernels *scalar)
{
    (void)scalar;
    kernel_case c = { 0 };
    const um_real *x = case_random(&c, LONG, UNALIGNED);
    um_real *y = case_empty(&c, LONG, UNALIGNED), *once = case_empty(&c, LONG, UNALIGNED);
    fast->dropout(LONG, 0.3f, &source, x, once, false);
    FOR_THREADS(threads, fast->dropout(LONG, 0.3f, &source, x, y, false);
                case_same_bits("on other threads", LONG, y, once));
    case_end(&c);
}

static void bits_do_not_depend_on_threads(void **state)
{
    (void)state;
    for_each_tier(change_threads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_many_the_asked_share_falls_and_the_rest_grows),
        cmocka_unit_test(an_element_falls_whatever_the_length),
        cmocka_unit_test(every_tier_has_the_mask_of_the_definition),
        cmocka_unit_test(adding_uses_the_same_mask),
        cmocka_unit_test(bits_do_not_depend_on_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
