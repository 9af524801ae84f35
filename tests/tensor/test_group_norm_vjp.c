/* SPDX-License-Identifier: MIT */
#include "tensor/norm_case.h"

/* A sum of numbers that may cancel: near, as seen from the largest of them. */
static void sums_near(const char *what, const norm *a, const norm *b, const um_real *terms)
{
    double largest = 0;
    for (size_t i = 0; i < b->count; i++) largest = fmax(largest, fabs((double)terms[i]));
    const double allowed = 1e-6 * sqrt((double)a->s.hw) * largest;
    for (size_t i = 0; i < a->sums; i++) {
        const double error = fabs((double)a->doffset[i] - (double)b->doffset[i]);
        if (!(error <= allowed + 1e-6 * fabs((double)b->doffset[i])))
            fail_msg("%s: doffset[%zu] is %.9g, not %.9g", what, i, a->doffset[i], b->doffset[i]);
    }
}

/* What is asked, from the same results of a forward pass; `terms` is dx. */
static void compare_ask(const um_kernels *fast, const um_kernels *scalar, const char *why,
                        const norm *forward, const um_real *terms, int ask, placement at)
{
    kernel_case c = { 0 };
    norm a = *forward, b = *forward;
    const bool lone = a.s.hw * (a.s.c / a.s.groups) == 1; /* dx is 0, and rstd steep */
    norm_backward(&c, fast, &a, ask, at);
    norm_backward(&c, scalar, &b, ask, ALIGNED);
    if (a.dx && !lone) case_near(why, a.count, a.dx, b.dx, 4e-6);
    if (a.doffset && !lone) sums_near(why, &a, &b, terms);
    if (a.dgamma) case_near(why, a.channels, a.dgamma, b.dgamma, 4e-6);
    if (a.dbeta) case_near(why, a.channels, a.dbeta, b.dbeta, 4e-6);
    case_end(&c);
}

/* near `mean`, and offsets near `offset`, or none where that is NaN */
static void compare(const um_kernels *fast, const um_kernels *scalar, const norm_shape *p,
                    bool silu, um_real mean, um_real offset, placement at)
{
    static const int asks[] = {
        ALL, ALL + ADD_ALL, ALL + ADD_DX, DX, DOFFSET, DOFFSET + ADD_DOFFSET, DX + DOFFSET + ADD_DX,
        DX + DOFFSET + ADD_DOFFSET, DGAMMA + DOFFSET, DGAMMA, DBETA, DBETA + ADD_DBETA, 0,
    };
    kernel_case c = { 0 };
    norm g = norm_make(&c, p, silu, at);
    for (size_t i = 0; i < g.count; i++) g.x[i] += mean;
    for (size_t i = 0; i < g.sums; i++) g.offset[i] += offset;
    if (isnan(offset)) g.offset = NULL;
    norm_forward(&c, scalar, &g, at);
    norm terms = g;
    norm_backward(&c, scalar, &terms, DX, ALIGNED);
    for (size_t i = 0; i < UM_COUNT(asks); i++)
        compare_ask(fast, scalar, p->why, &g, terms.dx, asks[i], at);
    case_end(&c);
}

static void compare_shapes(const um_kernels *fast, const um_kernels *scalar)
{
    for (size_t i = 0; i < UM_COUNT(norm_shapes); i++)
        for (int how = 0; how < 8; how++)
            compare(fast, scalar, &norm_shapes[i], how & 1, 0, how & 2 ? 0 : (um_real)NAN,
                    how & 4 ? UNALIGNED : ALIGNED);
}

static void every_shape_agrees_with_its_definition(void **state)
{
    (void)state;
    for_each_tier(compare_shapes);
}

static void compare_far(const um_kernels *fast, const um_kernels *scalar)
{
    for (size_t i = 0; i < UM_COUNT(norm_shapes); i++) {
        const norm_shape *p = &norm_shapes[i];
        if (p->hw * (p->c / p->groups) == 1) continue; /* no variance: only rounding is left */
        compare(fast, scalar, p, true, 1000, (um_real)NAN, UNALIGNED);
        compare(fast, scalar, p, true, 0, 1000, UNALIGNED);
        compare(fast, scalar, p, false, 1000, -1000, UNALIGNED);
        compare(fast, scalar, p, true, -1e5f, 1e5f, UNALIGNED);
    }
}

static void numbers_and_offsets_far_from_zero_cost_no_digits(void **state)
{
    (void)state;
    for_each_tier(compare_far);
}

/* by the definition, and in each image */
static void doffset_is_the_sum_of_dx_over_pixels(void **state)
{
    (void)state;
    const um_kernels *k = um_kernels_tier(0);
    const norm_shape p = { 2, 9, 12, 3, "two images" };
    kernel_case c = { 0 };
    norm g = norm_make(&c, &p, true, ALIGNED);
    norm_forward(&c, k, &g, ALIGNED);
    norm_backward(&c, k, &g, ALL + ADD_DOFFSET, ALIGNED);
    for (size_t i = 0; i < g.sums; i++) {
        double sum = g.x[i]; /* what was there before */
        for (size_t q = 0; q < 9; q++) sum += g.dx[(i / 12 * 9 + q) * 12 + i % 12];
        CHECK_NEAR(g.doffset[i], sum, 1e-6);
    }
    case_end(&c);
}

static void change_threads(const um_kernels *fast, const um_kernels *scalar)
{
    (void)scalar;
    norm_on_threads(fast, ALL);
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
    norm_beside_nan(&c, fast, DX + DOFFSET, &a);
    for (int k = 0; k < NORM_CHANNELS; k++)
        assert_int_equal(isnan(a.doffset[k]) != 0, k < NORM_GROUP);
    case_end(&c);
}

static void an_image_is_alone_in_its_batch(void **state)
{
    (void)state;
    for_each_tier(leave_alone);
}

/* A gradient has the same bits whatever else is asked for. */
static void ask_for_one(const um_kernels *fast, const um_kernels *scalar)
{
    (void)scalar;
    for (size_t i = 0; i < UM_COUNT(norm_shapes); i++) {
        kernel_case c = { 0 };
        norm a = norm_make(&c, &norm_shapes[i], true, UNALIGNED), b;
        norm_forward(&c, fast, &a, UNALIGNED);
        b = a;
        norm_backward(&c, fast, &a, ALL, UNALIGNED);
        norm_backward(&c, fast, &b, DX, UNALIGNED);
        case_same_bits("dx", a.count, a.dx, b.dx);
        norm_backward(&c, fast, &b, DOFFSET, UNALIGNED);
        case_same_bits("doffset", a.sums, a.doffset, b.doffset);
        norm_backward(&c, fast, &b, DGAMMA, UNALIGNED);
        case_same_bits("dgamma", a.channels, a.dgamma, b.dgamma);
        norm_backward(&c, fast, &b, DBETA, UNALIGNED);
        case_same_bits("dbeta", a.channels, a.dbeta, b.dbeta);
        case_end(&c);
    }
}

static void a_gradient_does_not_depend_on_the_others(void **state)
{
    (void)state;
    for_each_tier(ask_for_one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doffset_is_the_sum_of_dx_over_pixels),
        cmocka_unit_test(every_shape_agrees_with_its_definition),
        cmocka_unit_test(numbers_and_offsets_far_from_zero_cost_no_digits),
        cmocka_unit_test(bits_do_not_depend_on_threads),
        cmocka_unit_test(an_image_is_alone_in_its_batch),
        cmocka_unit_test(a_gradient_does_not_depend_on_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
