/* SPDX-License-Identifier: MIT */
#include "tensor/elementwise_case.h"

static const struct shape {
    int rows, c;
    const char *why;
} shapes[] = {
    { 1, 1, "a lone number is 1" },       { 3, 2, "a tail of two" },
    { 5, 7, "narrower than a vector" },   { 2, 16, "whole vectors" },
    { 4, 17, "a number too many" },       { 3, 1000, "several runs" },
    { 300, 64, "rows among threads" },    { 70, 513, "long rows among threads" },
};

static void the_definition_has_known_values(void **state)
{
    (void)state;
    const um_real x[] = { 0, (um_real)log(3), 0, 0 }, dy[] = { 1, 0 };
    um_real y[2], dx[2] = { 10, 10 };
    um_kernels_tier(0)->softmax(1, 2, x, y);
    CHECK_NEAR(y[0], 0.25, 1e-7);
    CHECK_NEAR(y[1], 0.75, 1e-7);
    um_kernels_tier(0)->softmax_vjp(1, 2, dy, y, dx, true);
    CHECK_NEAR(dx[0], 10 + 0.1875, 2e-6);
    CHECK_NEAR(dx[1], 10 - 0.1875, 2e-6);
}

static void compare(const um_kernels *fast, const um_kernels *scalar)
{
    static const float offsets[] = { 0, -1000, 80 };
    for (size_t i = 0; i < 3 * UM_COUNT(shapes); i++) {
        const struct shape *p = &shapes[i / 3];
        const size_t rows = (size_t)p->rows, count = rows * p->c;
        kernel_case c = { 0 };
        um_real *x = case_random(&c, count, UNALIGNED);
        const um_real *dy = case_random(&c, count, UNALIGNED);
        for (size_t j = 0; j < count; j++) x[j] = 3 * x[j] + offsets[i % 3];
        um_real *y = case_empty(&c, count, UNALIGNED), *right = case_empty(&c, count, ALIGNED);
        fast->softmax(rows, p->c, x, y);
        scalar->softmax(rows, p->c, x, right);
        case_alike(p->why, count, y, right, 2e-6, 1e-37);
        for (int add = 0; add < 2; add++) {
            um_real *dx = case_random(&c, count, UNALIGNED);
            um_real *dx_right = case_copy(&c, count, dx, ALIGNED);
            fast->softmax_vjp(rows, p->c, dy, right, dx, add);
            scalar->softmax_vjp(rows, p->c, dy, right, dx_right, add);
            case_near(p->why, count, dx, dx_right, 2e-6);
        }
        fast->softmax(rows, p->c, x, x);
        case_same_bits("in place", count, x, y);
        case_end(&c);
    }
}

static void every_shape_agrees_with_its_definition(void **state)
{
    (void)state;
    for_each_tier(compare);
}

/* Rows of 19 with an odd number at each place; all others in the range of a softmax. */
static void meet_extremes(const um_kernels *fast, const um_kernels *scalar)
{
    static const float odd[] = { INFINITY, -INFINITY, NAN, FLT_MAX, -FLT_MAX, 1e30f, 1e-45f, -200 };
    for (int place = 0; place < 19; place++)
        for (size_t i = 0; i < UM_COUNT(odd); i++) {
            kernel_case c = { 0 };
            um_real *x = case_random(&c, 38, UNALIGNED);
            um_real *y = case_empty(&c, 38, UNALIGNED), *right = case_empty(&c, 38, UNALIGNED);
            x[place] = odd[i];
            fast->softmax(2, 19, x, y);
            scalar->softmax(2, 19, x, right);
            case_alike("one odd number", 38, y, right, 2e-6, 1e-37);
            case_end(&c);
        }
}

static void extremes_give_what_the_definition_gives(void **state)
{
    (void)state;
    for_each_tier(meet_extremes);
}

static void change_threads(const um_kernels *fast, const um_kernels *scalar)
{
    (void)scalar;
    kernel_case c = { 0 };
    const um_real *x = case_random(&c, 70 * 513, UNALIGNED);
    const um_real *dy = case_random(&c, 70 * 513, UNALIGNED);
    um_real *y = case_empty(&c, 70 * 513, UNALIGNED), *once = case_empty(&c, 70 * 513, UNALIGNED);
    fast->softmax(70, 513, x, once);
    FOR_THREADS(threads, fast->softmax(70, 513, x, y); case_same_bits("y", 70 * 513, y, once));
    fast->softmax_vjp(70, 513, dy, y, once, false);
    um_real *dx = case_empty(&c, 70 * 513, UNALIGNED);
    FOR_THREADS(threads, fast->softmax_vjp(70, 513, dy, y, dx, false);
                case_same_bits("dx", 70 * 513, dx, once));
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
        cmocka_unit_test(the_definition_has_known_values),
        cmocka_unit_test(every_shape_agrees_with_its_definition),
        cmocka_unit_test(extremes_give_what_the_definition_gives),
        cmocka_unit_test(bits_do_not_depend_on_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
