/* SPDX-License-Identifier: MIT */
#include "tensor/kernel_case.h"

/* x = a x + b from x0 on, in closed form */
static double after(double x0, double a, double b, size_t rounds)
{
    const double power = pow(a, (double)rounds);
    return power * x0 + b * (1 - power) / (1 - a);
}

static void check(const um_kernels *fast, const um_kernels *scalar)
{
    static const size_t rounds[] = { 0, 1, 2, 77 };
    (void)scalar;
    for (size_t k = 0; k < UM_COUNT(rounds); k++) {
        kernel_case c = { 0 };
        const um_real *start = case_random(&c, UM_PEAK_NUMBERS, UNALIGNED);
        um_real *x = case_copy(&c, UM_PEAK_NUMBERS, start, UNALIGNED);
        um_real *right = case_empty(&c, UM_PEAK_NUMBERS, ALIGNED);
        for (int i = 0; i < UM_PEAK_NUMBERS; i++)
            right[i] = (um_real)after((double)start[i], 0.9375, 0.25, rounds[k]);
        fast->peak(rounds[k], 0.9375f, 0.25f, x);
        /* each round rounds once or twice, and 0.9375 forgets it again: 32 halves of a unit */
        case_near("peak", UM_PEAK_NUMBERS, x, right, 2e-6);
        case_end(&c);
    }
}

static void every_round_is_one_multiply_add_of_each_number(void **state)
{
    (void)state;
    check(um_kernels_tier(0), um_kernels_tier(0));
    for_each_tier(check);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_round_is_one_multiply_add_of_each_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
