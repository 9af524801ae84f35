/* SPDX-License-Identifier: MIT */
#include "tensor/elementwise_case.h"

/* alpha, beta, and which of a and b are there */
static const struct sum {
    um_real alpha, beta;
    bool a, b;
    const char *why;
} sums[] = {
    { 1, 1, true, true, "a + b" },
    { 0.75f, -1.5f, true, true, "both weighted" },
    { -2, 0, true, false, "no b" },
    { 0, 3, false, true, "alpha is 0 and a is not there" },
    { 0, 3, true, false, "nothing is left: zeros" },
    { 2, 0, true, true, "beta is 0 but b counts" },
};

static void compare_sums(const um_kernels *fast, const um_kernels *scalar)
{
    for (size_t i = 0; i < UM_COUNT(LENGTHS); i++)
        for (size_t j = 0; j < 2 * UM_COUNT(sums); j++) {
            const struct sum *s = &sums[j / 2];
            const placement at = j % 2 ? ALIGNED : UNALIGNED;
            const size_t n = LENGTHS[i];
            kernel_case c = { 0 };
            const um_real *a = s->a ? case_random(&c, n, at) : NULL;
            const um_real *b = s->b ? case_random(&c, n, at) : NULL;
            um_real *y = case_empty(&c, n, at), *right = case_empty(&c, n, ALIGNED);
            fast->lincomb(n, s->alpha, a, s->beta, b, y);
            scalar->lincomb(n, s->alpha, a, s->beta, b, right);
            case_near(s->why, n, y, right, 2e-7);
            case_end(&c);
        }
}

static void sums_agree_with_their_definition(void **state)
{
    (void)state;
    const um_real a[] = { 1, 2 }, b[] = { 10, 30 };
    um_real y[2];
    um_kernels_tier(0)->lincomb(2, 3, a, 0.5f, b, y);
    assert_true(y[0] == 8 && y[1] == 21);
    for_each_tier(compare_sums);
}

static void spoil_a(const um_kernels *fast, const um_kernels *scalar)
{
    (void)scalar;
    kernel_case c = { 0 };
    const um_real *a = case_empty(&c, 37, UNALIGNED), *b = case_random(&c, 37, UNALIGNED);
    um_real *y = case_empty(&c, 37, UNALIGNED);
    fast->lincomb(37, 0, a, 1, b, y);
    case_same_bits("a is full of NaN, and not read", 37, y, b);
    fast->lincomb(37, 0, a, 1, NULL, y);
    for (int i = 0; i < 37; i++) assert_true(y[i] == 0);
    case_end(&c);
}

static void a_weight_of_0_reads_nothing(void **state)
{
    (void)state;
    for_each_tier(spoil_a);
    spoil_a(um_kernels_tier(0), NULL);
}

static void compare_products(const um_kernels *fast, const um_kernels *scalar)
{
    for (size_t i = 0; i < UM_COUNT(LENGTHS); i++)
        for (int options = 0; options < 4; options++) {
            const placement at = options & 1 ? ALIGNED : UNALIGNED;
            const size_t n = LENGTHS[i];
            kernel_case c = { 0 };
            const um_real *a = case_random(&c, n, at), *b = case_random(&c, n, at);
            um_real *y = case_random(&c, n, at), *right = case_copy(&c, n, y, ALIGNED);
            fast->multiply(n, a, b, y, options & 2);
            scalar->multiply(n, a, b, right, options & 2);
            case_near("product", n, y, right, 2e-7);
            case_end(&c);
        }
}

static void products_agree_with_their_definition(void **state)
{
    (void)state;
    for_each_tier(compare_products);
}

static void meet_extremes(const um_kernels *fast, const um_kernels *scalar)
{
    enum { N = 75 };
    kernel_case c = { 0 };
    um_real *a = case_empty(&c, N, UNALIGNED), *b = case_empty(&c, N, UNALIGNED);
    um_real *y = case_empty(&c, N, UNALIGNED), *right = case_empty(&c, N, UNALIGNED);
    fill_extremes(a, N);
    fill_extremes(b, N - 1);
    b[N - 1] = 2;
    fast->multiply(N, a, b, y, false);
    scalar->multiply(N, a, b, right, false);
    case_alike("product", N, y, right, 1e-6, 1e-44);
    fast->lincomb(N, 1, a, 1, b, y);
    scalar->lincomb(N, 1, a, 1, b, right);
    case_alike("sum", N, y, right, 1e-6, 1e-44);
    case_end(&c);
}

static void extremes_give_what_the_definition_gives(void **state)
{
    (void)state;
    for_each_tier(meet_extremes);
}

static void move_about(const um_kernels *fast, const um_kernels *scalar)
{
    (void)scalar;
    kernel_case c = { 0 };
    const um_real *a = case_random(&c, LONG, UNALIGNED), *b = case_random(&c, LONG, UNALIGNED);
    um_real *y = case_empty(&c, LONG, ALIGNED), *once = case_empty(&c, LONG, ALIGNED);
    fast->lincomb(LONG, 0.3f, a, 0.7f, b, once);
    FOR_THREADS(threads, fast->lincomb(LONG, 0.3f, a, 0.7f, b, y);
                case_same_bits("on other threads", LONG, y, once));
    for (size_t first = 1; first < 40; first++) {
        fast->lincomb(41 - first, 0.3f, a + first, 0.7f, b + first, y);
        case_same_bits("at another place", 41 - first, y, once + first);
    }
    memcpy(y, a, LONG * sizeof *y);
    fast->lincomb(LONG, 0.3f, y, 0.7f, b, y);
    case_same_bits("in the place of a", LONG, y, once);
    memcpy(y, b, LONG * sizeof *y);
    fast->lincomb(LONG, 0.3f, a, 0.7f, y, y);
    case_same_bits("in the place of b", LONG, y, once);
    fast->multiply(LONG, a, b, once, false);
    memcpy(y, a, LONG * sizeof *y);
    fast->multiply(LONG, y, b, y, false);
    case_same_bits("product in place", LONG, y, once);
    case_end(&c);
}

static void bits_depend_on_the_numbers_alone(void **state)
{
    (void)state;
    for_each_tier(move_about);
}

/* rows, columns to copy, columns of x and where, columns of y and where */
static const struct columns {
    int rows, c, x_c, x_at, y_c, y_at;
    const char *why;
} columns[] = {
    { 1, 1, 1, 0, 1, 0, "the smallest" },
    { 7, 5, 5, 0, 12, 7, "into the right part" },
    { 7, 19, 40, 3, 19, 0, "out of the middle" },
    { 64, 33, 50, 17, 80, 31, "a column too many" },
    { 300, 160, 320, 160, 200, 40, "among threads" },
};

static void compare_columns(const um_kernels *fast, const um_kernels *scalar)
{
    for (size_t i = 0; i < 2 * UM_COUNT(columns); i++) {
        const struct columns *p = &columns[i / 2];
        const size_t n = (size_t)p->rows * p->y_c;
        kernel_case c = { 0 };
        const um_real *x = case_random(&c, (size_t)p->rows * p->x_c, UNALIGNED);
        um_real *y = case_random(&c, n, UNALIGNED), *right = case_copy(&c, n, y, ALIGNED);
        fast->copy_columns((size_t)p->rows, p->c, x, p->x_c, p->x_at, y, p->y_c, p->y_at, i % 2);
        scalar->copy_columns((size_t)p->rows, p->c, x, p->x_c, p->x_at, right, p->y_c, p->y_at,
                             i % 2);
        case_same_bits(p->why, n, y, right);
        case_end(&c);
    }
}

static void columns_are_copied_and_nothing_beside_them(void **state)
{
    (void)state;
    const um_real x[] = { 1, 2, 3, 4 };
    um_real y[] = { 10, 20, 30, 40, 50, 60 };
    um_kernels_tier(0)->copy_columns(2, 1, x, 2, 1, y, 3, 2, true);
    assert_true(y[0] == 10 && y[1] == 20 && y[2] == 32 && y[3] == 40 && y[4] == 50 && y[5] == 64);
    for_each_tier(compare_columns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_agree_with_their_definition),
        cmocka_unit_test(a_weight_of_0_reads_nothing),
        cmocka_unit_test(products_agree_with_their_definition),
        cmocka_unit_test(extremes_give_what_the_definition_gives),
        cmocka_unit_test(bits_depend_on_the_numbers_alone),
        cmocka_unit_test(columns_are_copied_and_nothing_beside_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
