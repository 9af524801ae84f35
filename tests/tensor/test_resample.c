/* SPDX-License-Identifier: MIT */
#include "tensor/elementwise_case.h"

static const struct shape {
    int n, h, w, c;
    const char *why;
} shapes[] = {
    { 1, 1, 1, 1, "the smallest" },
    { 2, 3, 5, 3, "odd everywhere" },
    { 1, 2, 7, 17, "a channel more than a vector" },
    { 2, 1, 4, 32, "one row" },
    { 3, 8, 8, 64, "among threads" },
};

static void the_definitions_have_known_values(void **state)
{
    (void)state;
    const um_real small[] = { 1, 2 };
    um_real large[8], back[2] = { 100, 100 };
    um_kernels_tier(0)->spread2x(1, 1, 2, 1, 0.5f, small, large, false);
    for (int i = 0; i < 8; i++) assert_true(large[i] == (i % 4 < 2 ? 0.5f : 1));
    large[0] = 2.5f;
    um_kernels_tier(0)->gather2x(1, 1, 2, 1, 2, large, back, true);
    assert_true(back[0] == 108 && back[1] == 108);
}

static void compare(const um_kernels *fast, const um_kernels *scalar)
{
    for (size_t i = 0; i < 4 * UM_COUNT(shapes); i++) {
        const struct shape *p = &shapes[i / 4];
        const bool add = i & 1;
        const um_real weight = i & 2 ? 0.3f : 1;
        const size_t count = (size_t)p->n * p->h * p->w * p->c;
        kernel_case c = { 0 };
        um_real *small = case_random(&c, count, UNALIGNED);
        um_real *large = case_random(&c, 4 * count, UNALIGNED);
        um_real *small_right = case_copy(&c, count, small, ALIGNED);
        um_real *large_right = case_copy(&c, 4 * count, large, ALIGNED);
        fast->spread2x(p->n, p->h, p->w, p->c, weight, small, large, add);
        scalar->spread2x(p->n, p->h, p->w, p->c, weight, small, large_right, add);
        case_near(p->why, 4 * count, large, large_right, 2e-7);
        fast->gather2x(p->n, p->h, p->w, p->c, weight, large_right, small, add);
        scalar->gather2x(p->n, p->h, p->w, p->c, weight, large_right, small_right, add);
        case_near(p->why, count, small, small_right, 3e-7);
        case_end(&c);
    }
}

static void every_shape_agrees_with_its_definition(void **state)
{
    (void)state;
    for_each_tier(compare);
}

static void change_threads(const um_kernels *fast, const um_kernels *scalar)
{
    (void)scalar;
    const struct shape *p = &shapes[4];
    const size_t count = (size_t)p->n * p->h * p->w * p->c;
    kernel_case c = { 0 };
    const um_real *large = case_random(&c, 4 * count, UNALIGNED);
    um_real *small = case_empty(&c, count, UNALIGNED), *once = case_empty(&c, count, UNALIGNED);
    fast->gather2x(p->n, p->h, p->w, p->c, 0.25f, large, once, false);
    FOR_THREADS(threads, fast->gather2x(p->n, p->h, p->w, p->c, 0.25f, large, small, false);
                case_same_bits("gather2x", count, small, once));
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
        cmocka_unit_test(the_definitions_have_known_values),
        cmocka_unit_test(every_shape_agrees_with_its_definition),
        cmocka_unit_test(bits_do_not_depend_on_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
