/* SPDX-License-Identifier: MIT */
#include "tensor/elementwise_case.h"

static const struct shape {
    int n, hw, c;
    const char *why;
} shapes[] = {
    { 1, 1, 1, "the smallest" },
    { 2, 3, 5, "narrower than a vector" },
    { 3, 33, 17, "a channel more than a vector" },
    { 1, 1000, 3, "an image of colours" },
    { 4, 64, 64, "whole vectors" },
    { 1, 4096, 40, "one image among threads" },
    { 5, 31, 300, "more channels than a tile" },
};

static void the_definitions_have_known_values(void **state)
{
    (void)state;
    const um_kernels *k = um_kernels_tier(0);
    const um_real x[] = { 1, 2, 3, 4 }, s[] = { 1, 2, 100, 200 };
    um_real y[4], dx[4] = { 0 }, ds[4] = { 1, 1, 1, 1 };
    k->scale_shift(1, 2, 2, x, s, y);
    assert_true(y[0] == 102 && y[1] == 206 && y[2] == 106 && y[3] == 212);
    k->scale_shift_vjp(1, 2, 2, x, x, s, dx, false, ds, true);
    assert_true(dx[0] == 2 && dx[1] == 6 && dx[2] == 6 && dx[3] == 12);
    assert_true(ds[0] == 11 && ds[1] == 21 && ds[2] == 5 && ds[3] == 7);
    k->sum_pixels(1, 2, 2, x, y, false);
    assert_true(y[0] == 4 && y[1] == 6);
}

static void compare_maps(const um_kernels *fast, const um_kernels *scalar)
{
    for (size_t i = 0; i < UM_COUNT(shapes); i++) {
        const struct shape *p = &shapes[i];
        const size_t count = (size_t)p->n * p->hw * p->c;
        kernel_case c = { 0 };
        const um_real *x = case_random(&c, count, UNALIGNED);
        const um_real *s = case_random(&c, 2 * (size_t)p->n * p->c, UNALIGNED);
        um_real *y = case_empty(&c, count, UNALIGNED), *right = case_empty(&c, count, ALIGNED);
        fast->scale_shift(p->n, p->hw, p->c, x, s, y);
        scalar->scale_shift(p->n, p->hw, p->c, x, s, right);
        case_near(p->why, count, y, right, 2e-7);
        memcpy(y, x, count * sizeof *y);
        fast->scale_shift(p->n, p->hw, p->c, y, s, y);
        case_near("in place", count, y, right, 2e-7);
        case_end(&c);
    }
}

static void maps_agree_with_their_definition(void **state)
{
    (void)state;
    for_each_tier(compare_maps);
}

/* ask: bits 0, 1 for dx, ds; bits 2, 3 to add them */
static void compare_vjp(const um_kernels *fast, const um_kernels *scalar)
{
    for (size_t i = 0; i < UM_COUNT(shapes); i++)
        for (int ask = 0; ask < 16; ask++) {
            const struct shape *p = &shapes[i];
            const size_t count = (size_t)p->n * p->hw * p->c, values = 2 * (size_t)p->n * p->c;
            kernel_case c = { 0 };
            const um_real *x = case_random(&c, count, UNALIGNED);
            const um_real *s = case_random(&c, values, UNALIGNED);
            const um_real *dy = case_random(&c, count, UNALIGNED);
            um_real *dx = case_random(&c, count, UNALIGNED);
            um_real *ds = case_random(&c, values, UNALIGNED);
            um_real *dx_right = case_copy(&c, count, dx, ALIGNED);
            um_real *ds_right = case_copy(&c, values, ds, ALIGNED);
            fast->scale_shift_vjp(p->n, p->hw, p->c, dy, x, s, ask & 1 ? dx : NULL, ask & 4,
                                  ask & 2 ? ds : NULL, ask & 8);
            scalar->scale_shift_vjp(p->n, p->hw, p->c, dy, x, s, ask & 1 ? dx_right : NULL, ask & 4,
                                    ask & 2 ? ds_right : NULL, ask & 8);
            case_near(p->why, count, dx, dx_right, 2e-7);
            case_near(p->why, values, ds, ds_right, 1e-6);
            case_end(&c);
        }
}

static void gradients_agree_with_their_definition(void **state)
{
    (void)state;
    for_each_tier(compare_vjp);
}

static void compare_sums(const um_kernels *fast, const um_kernels *scalar)
{
    for (size_t i = 0; i < 2 * UM_COUNT(shapes); i++) {
        const struct shape *p = &shapes[i / 2];
        const size_t count = (size_t)p->n * p->hw * p->c, sums = (size_t)p->n * p->c;
        kernel_case c = { 0 };
        const um_real *x = case_random(&c, count, UNALIGNED);
        um_real *y = case_random(&c, sums, UNALIGNED), *right = case_copy(&c, sums, y, ALIGNED);
        fast->sum_pixels(p->n, (size_t)p->hw, p->c, x, y, i % 2);
        scalar->sum_pixels(p->n, (size_t)p->hw, p->c, x, right, i % 2);
        case_near(p->why, sums, y, right, 1e-6);
        case_end(&c);
    }
}

static void sums_over_pixels_agree_with_their_definition(void **state)
{
    (void)state;
    for_each_tier(compare_sums);
}

static void change_threads(const um_kernels *fast, const um_kernels *scalar)
{
    (void)scalar;
    for (size_t i = 0; i < UM_COUNT(shapes); i++) {
        const struct shape *p = &shapes[i];
        const size_t count = (size_t)p->n * p->hw * p->c, values = 2 * (size_t)p->n * p->c;
        kernel_case c = { 0 };
        const um_real *x = case_random(&c, count, UNALIGNED);
        const um_real *s = case_random(&c, values, UNALIGNED);
        um_real *y = case_empty(&c, count, ALIGNED), *y_once = case_empty(&c, count, ALIGNED);
        um_real *v = case_empty(&c, values, ALIGNED), *v_once = case_empty(&c, values, ALIGNED);
        um_real *sums = case_empty(&c, values / 2, ALIGNED);
        um_real *sums_once = case_empty(&c, values / 2, ALIGNED);
        FOR_THREADS(threads, {
            fast->scale_shift_vjp(p->n, p->hw, p->c, x, x, s, y, false, v, false);
            fast->sum_pixels(p->n, (size_t)p->hw, p->c, x, sums, false);
            if (threads == 1) memcpy(y_once, y, count * sizeof *y);
            if (threads == 1) memcpy(v_once, v, values * sizeof *v);
            if (threads == 1) memcpy(sums_once, sums, values / 2 * sizeof *v);
            case_same_bits("dx", count, y, y_once);
            case_same_bits("ds", values, v, v_once);
            case_same_bits("sums", values / 2, sums, sums_once);
        });
        case_end(&c);
    }
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
        cmocka_unit_test(maps_agree_with_their_definition),
        cmocka_unit_test(gradients_agree_with_their_definition),
        cmocka_unit_test(sums_over_pixels_agree_with_their_definition),
        cmocka_unit_test(bits_do_not_depend_on_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
