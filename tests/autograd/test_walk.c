/* SPDX-License-Identifier: MIT */
#include "autograd/net.h"

#include <math.h>

static net one, other;

static double largest(const um_real *x, size_t count)
{
    double most = 0;
    for (size_t i = 0; i < count; i++) most = fmax(most, fabs((double)x[i]));
    return most;
}

static void near(const char *what, const um_real *a, const um_real *b, size_t count, double share)
{
    const double size = largest(a, count);
    assert_true(size > 0);
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)a[i] - b[i]) <= share * size))
            fail_msg("%s, %s[%zu]: %g and %g, of %g at most", other.ctx.kernels->isa, what, i,
                     (double)a[i], (double)b[i], size);
}

static void every_tier_agrees_with_the_definitions(void **state)
{
    (void)state;
    net_open(&one, um_kernels_tier(0), 1, 0);
    net_run(&one);
    const size_t image = um_shape_count(um_shape_of(one.t, one.x));
    for (int i = 1; um_kernels_tier(i); i++) {
        net_open(&other, um_kernels_tier(i), 2, 0);
        net_run(&other);
        near("output", um_data(one.t, one.output), um_data(other.t, other.output), image, 1e-5);
        near("gradient", um_grad(one.t, one.x), um_grad(other.t, other.x), image, 2e-5);
        near("parameters' gradients", one.grad, other.grad, one.used, 2e-5);
        net_close(&other);
    }
    net_close(&one);
}

static void bits_do_not_depend_on_the_number_of_threads(void **state)
{
    (void)state;
    for (int i = 0; um_kernels_tier(i); i++) {
        net_open(&one, um_kernels_tier(i), 1, 0);
        net_run(&one);
        const size_t bytes = um_shape_count(um_shape_of(one.t, one.x)) * sizeof(um_real);
        for (int threads = 2; threads <= 3; threads++) {
            net_open(&other, um_kernels_tier(i), threads, NET_RECOMPUTE);
            net_run(&other);
            assert_memory_equal(um_data(one.t, one.loss), um_data(other.t, other.loss),
                                sizeof(um_real));
            assert_memory_equal(um_data(one.t, one.output), um_data(other.t, other.output), bytes);
            assert_memory_equal(um_grad(one.t, one.x), um_grad(other.t, other.x), bytes);
            assert_memory_equal(one.grad, other.grad, one.used * sizeof(um_real));
            net_close(&other);
        }
        net_close(&one);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_tier_agrees_with_the_definitions),
        cmocka_unit_test(bits_do_not_depend_on_the_number_of_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
