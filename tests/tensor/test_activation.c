/* SPDX-License-Identifier: MIT */
#include "tensor/elementwise_case.h"

static const struct kind {
    um_activation kind;
    const char *name;
    double at_one, slope_at_one; /* to 9 digits, worked out by hand */
} kinds[] = {
    { UM_SILU, "silu", 0.731058579, 0.927670512 },
    { UM_MISH, "mish", 0.865098388, 1.049036220 },
    { UM_GELU, "gelu", 0.841344746, 1.083315471 },
    { UM_RELU, "relu", 1, 1 },
};

static void the_definitions_have_known_values(void **state)
{
    (void)state;
    const um_kernels *k = um_kernels_tier(0);
    for (size_t i = 0; i < UM_COUNT(kinds); i++) {
        const um_real one = 1;
        um_real y, slope;
        k->activate(kinds[i].kind, 1, &one, &y);
        k->activate_vjp(kinds[i].kind, 1, &one, &one, &slope, false);
        CHECK_NEAR(y, kinds[i].at_one, 1e-7);
        CHECK_NEAR(slope, kinds[i].slope_at_one, 1e-7);
    }
}

/* random numbers in about -12 .. 12, where the functions bend */
static um_real *wide(kernel_case *c, size_t count, placement at)
{
    um_real *x = case_random(c, count, at);
    for (size_t i = 0; i < count; i++) x[i] *= 3;
    return x;
}

static void compare(const um_kernels *fast, const um_kernels *scalar, const struct kind *k,
                    size_t n, placement at)
{
    kernel_case c = { 0 };
    const um_real *x = wide(&c, n, at), *dy = case_random(&c, n, ALIGNED);
    um_real *y = case_empty(&c, n, at), *right = case_empty(&c, n, ALIGNED);
    fast->activate(k->kind, n, x, y);
    scalar->activate(k->kind, n, x, right);
    case_alike(k->name, n, y, right, 1e-6, 1e-7);
    for (int add = 0; add < 2; add++) {
        um_real *dx = case_random(&c, n, at), *dright = case_copy(&c, n, dx, ALIGNED);
        fast->activate_vjp(k->kind, n, dy, x, dx, add);
        scalar->activate_vjp(k->kind, n, dy, x, dright, add);
        case_near(k->name, n, dx, dright, 4e-7);
    }
    case_end(&c);
}

static void compare_lengths(const um_kernels *fast, const um_kernels *scalar)
{
    for (size_t k = 0; k < UM_COUNT(kinds); k++)
        for (size_t i = 0; i < UM_COUNT(LENGTHS); i++) {
            compare(fast, scalar, &kinds[k], LENGTHS[i], ALIGNED);
            compare(fast, scalar, &kinds[k], LENGTHS[i], UNALIGNED);
        }
}

static void every_length_agrees_with_its_definition(void **state)
{
    (void)state;
    for_each_tier(compare_lengths);
}

static void meet_extremes(const um_kernels *fast, const um_kernels *scalar)
{
    enum { N = 75 };
    for (size_t k = 0; k < UM_COUNT(kinds); k++) {
        kernel_case c = { 0 };
        um_real *x = case_empty(&c, N, UNALIGNED), *dy = case_empty(&c, N, UNALIGNED);
        um_real *y = case_empty(&c, N, UNALIGNED), *right = case_empty(&c, N, UNALIGNED);
        fill_extremes(x, N);
        for (int i = 0; i < N; i++) dy[i] = 1;
        fast->activate(kinds[k].kind, N, x, y);
        scalar->activate(kinds[k].kind, N, x, right);
        case_alike(kinds[k].name, N, y, right, 1e-6, 1e-35);
        fast->activate_vjp(kinds[k].kind, N, dy, x, y, false);
        scalar->activate_vjp(kinds[k].kind, N, dy, x, right, false);
        for (int i = 0; i < N; i++) /* slopes at both ends may overflow on the way: 0 * inf */
            if (fabs(x[i]) < 1e3 || isnan(x[i]))
                case_alike(kinds[k].name, 1, y + i, right + i, 1e-6, 1e-35);
        case_end(&c);
    }
}

static void extremes_give_what_the_definition_gives(void **state)
{
    (void)state;
    for_each_tier(meet_extremes);
}

static void move_about(const um_kernels *fast, const um_kernels *scalar)
{
    (void)scalar;
    for (size_t k = 0; k < UM_COUNT(kinds); k++) {
        kernel_case c = { 0 };
        const um_real *x = wide(&c, LONG, UNALIGNED);
        um_real *y = case_empty(&c, LONG, ALIGNED), *once = case_empty(&c, LONG, ALIGNED);
        fast->activate(kinds[k].kind, LONG, x, once);
        FOR_THREADS(threads, fast->activate(kinds[k].kind, LONG, x, y);
                    case_same_bits("on other threads", LONG, y, once));
        for (size_t first = 1; first < 40; first++) {
            fast->activate(kinds[k].kind, 41 - first, x + first, y);
            case_same_bits("at another place", 41 - first, y, once + first);
        }
        memcpy(y, x, LONG * sizeof *y);
        fast->activate(kinds[k].kind, LONG, y, y);
        case_same_bits("in place", LONG, y, once);
        case_end(&c);
    }
}

static void bits_depend_on_the_number_alone(void **state)
{
    (void)state;
    for_each_tier(move_about);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_definitions_have_known_values),
        cmocka_unit_test(every_length_agrees_with_its_definition),
        cmocka_unit_test(extremes_give_what_the_definition_gives),
        cmocka_unit_test(bits_depend_on_the_number_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
