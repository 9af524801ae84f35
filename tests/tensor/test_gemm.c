/* SPDX-License-Identifier: MIT */
#include "tensor/kernel_case.h"

static const struct product {
    int m, n, k;
    const char *why;
} products[] = {
    { 1, 1, 1, "the smallest" },
    { 1, 7, 3, "one row" },
    { 5, 1, 9, "one column" },
    { 7, 33, 1, "an outer product" },
    { 13, 17, 19, "primes" },
    { 29, 31, 37, "narrower than a panel of AVX-512" },
    { 64, 64, 64, "whole vectors" },
    { 57, 65, 600, "two steps over k, one row and one column too many" },
    { 300, 96, 40, "shared among threads" },
    { 3, 200, 1100, "wide and deep" },
    { 115, 48, 129, "a row more than two blocks" },
    { 9, 35, 2101, "two steps over k in bf16, odd ones" },
};

/* operands of one case; A and B lie by rows or by columns with a gap behind each, C with 3 columns
 * more */
static um_gemm make(kernel_case *c, const struct product *p, bool a_cols, bool b_cols, placement at)
{
    um_gemm g = { .m = p->m, .n = p->n, .k = p->k, .c_row = p->n + 3 };
    g.a_row = a_cols ? 1 : p->k + 1, g.a_col = a_cols ? p->m + 2 : 1;
    g.b_row = b_cols ? 1 : p->n + 2, g.b_col = b_cols ? p->k + 1 : 1;
    g.a = case_random(c, (size_t)(p->m + 2) * (p->k + 1), at);
    g.b = case_random(c, (size_t)(p->n + 2) * (p->k + 1), at);
    g.bias = case_random(c, (size_t)p->n, at);
    return g;
}

static um_real *run(kernel_case *c, const um_kernels *k, um_gemm g, const um_real *before)
{
    const size_t size = (size_t)g.m * g.c_row, scratch = k->gemm_scratch(&g, omp_get_max_threads());
    g.c = case_copy(c, size, before, UNALIGNED);
    k->gemm(&g, case_empty(c, scratch, ALIGNED));
    return g.c;
}

static void each_order_and_ending(const um_kernels *fast, const um_kernels *scalar)
{
    for (size_t i = 0; i < UM_COUNT(products); i++)
        for (int options = 0; options < 64; options++) {
            const struct product *p = &products[i];
            kernel_case c = { 0 };
            um_gemm g = make(&c, p, options & 1, options & 2, options & 16 ? ALIGNED : UNALIGNED);
            if (options & 4) g.bias = NULL;
            g.add = options & 8;
            g.precision = options & 32 ? UM_BF16 : UM_F32;
            const size_t size = (size_t)g.m * g.c_row;
            const um_real *before = case_random(&c, size, ALIGNED);
            case_near(p->why, size, run(&c, fast, g, before), run(&c, scalar, g, before),
                      2e-7 * sqrt(p->k + 8));
            case_end(&c);
        }
}

static void a_product_agrees_with_its_definition(void **state)
{
    (void)state;
    for_each_tier(each_order_and_ending);
}

static void on_1_2_and_3_threads(const um_kernels *fast, const um_kernels *scalar)
{
    (void)scalar;
    for (int order = 0; order < 8; order++) {
        kernel_case c = { 0 };
        um_gemm g =
            make(&c, &(struct product){ 211, 170, 701, "" }, order & 1, order & 2, UNALIGNED);
        g.precision = order & 4 ? UM_BF16 : UM_F32;
        const size_t size = (size_t)g.m * g.c_row;
        const um_real *before = case_random(&c, size, ALIGNED), *once = NULL;
        FOR_THREADS(threads, {
            const um_real *result = run(&c, fast, g, before);
            if (threads > 1) case_same_bits("threads", size, once, result);
            once = result;
        });
        case_end(&c);
    }
}

static void its_bits_do_not_depend_on_threads(void **state)
{
    (void)state;
    for_each_tier(on_1_2_and_3_threads);
}

static void rows_of_any_height(const um_kernels *fast, const um_kernels *scalar)
{
    (void)scalar;
    for (int order = 0; order < 8; order++) {
        kernel_case c = { 0 };
        um_gemm g = make(&c, &(struct product){ 61, 45, 530, "" }, order & 1, order & 2, UNALIGNED);
        g.precision = order & 4 ? UM_BF16 : UM_F32;
        const um_real *before = case_random(&c, (size_t)g.m * g.c_row, ALIGNED);
        const um_real *all = run(&c, fast, g, before);
        for (g.m = 1; g.m < 20; g.m += 3)
            case_same_bits("rows", (size_t)g.m * g.c_row, all, run(&c, fast, g, before));
        case_end(&c);
    }
}

static void a_row_does_not_depend_on_the_rows_below_it(void **state)
{
    (void)state;
    for_each_tier(rows_of_any_height);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_product_agrees_with_its_definition),
        cmocka_unit_test(its_bits_do_not_depend_on_threads),
        cmocka_unit_test(a_row_does_not_depend_on_the_rows_below_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
