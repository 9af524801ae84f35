/* SPDX-License-Identifier: MIT */
#include "base/random.h"
#include "support/check.h"

#include <math.h>

/* The known answers that the Random123 distribution publishes for philox4x32-10. */
static void philox_gives_the_published_answers(void **state)
{
    (void)state;
    uint32_t w[4];
    um_random_bits(&(um_random){ 0, 0, 0 }, 0, w);
    assert_int_equal(w[0], 0x6627e8d5u);
    assert_int_equal(w[1], 0xe169c58du);
    assert_int_equal(w[2], 0xbc57ac4cu);
    assert_int_equal(w[3], 0x9b00dbd8u);
    um_random_bits(&(um_random){ ~0ull, (um_stream)~0u, ~0ull }, ~0u, w);
    assert_int_equal(w[0], 0x408f276du);
    assert_int_equal(w[1], 0x41c83b0eu);
    assert_int_equal(w[2], 0xa20bc7c6u);
    assert_int_equal(w[3], 0x6d5451fdu);
}

static void normals_have_mean_0_and_variance_1(void **state)
{
    (void)state;
    enum { N = 100000 };
    static um_real x[N];
    um_random_normal(&(um_random){ 1, UM_STREAM_TEST, 0 }, x, N);
    double s1 = 0, s2 = 0, s4 = 0;
    for (int i = 0; i < N; i++) {
        const double v = (double)x[i];
        s1 += v, s2 += v * v, s4 += v * v * v * v;
    }
    CHECK_NEAR(s1 / N, 0.0, 4 / sqrt(N));
    CHECK_NEAR(s2 / N, 1.0, 4 * sqrt(2.0 / N));
    CHECK_NEAR(s4 / N, 3.0, 4 * sqrt(96.0 / N));
}

static void a_normal_number_does_not_depend_on_how_many_are_drawn(void **state)
{
    (void)state;
    um_real a[9], b[5];
    const um_random r = { 7, UM_STREAM_TEST, 3 };
    um_random_normal(&r, a, 9);
    um_random_normal(&r, b, 5);
    assert_memory_equal(a, b, sizeof b);
}

static void a_permutation_holds_each_number_once(void **state)
{
    (void)state;
    enum { N = 1000 };
    uint32_t p[N];
    int seen[N] = { 0 }, moved = 0;
    um_random_permutation(&(um_random){ 5, UM_STREAM_SHUFFLE, 0 }, p, N);
    for (uint32_t i = 0; i < N; i++) {
        assert_true(p[i] < N);
        assert_int_equal(seen[p[i]]++, 0);
        moved += p[i] != i;
    }
    assert_true(moved > N / 2);
}

static void below_is_uniform_over_small_ranges(void **state)
{
    (void)state;
    int count[7] = { 0 };
    const um_random r = { 11, UM_STREAM_TEST, 1 };
    for (uint32_t i = 0; i < 70000; i++) count[um_random_below(&r, i, 7)]++;
    for (int i = 0; i < 7; i++) CHECK_NEAR(count[i], 10000, 4 * sqrt(10000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_the_published_answers),
        cmocka_unit_test(normals_have_mean_0_and_variance_1),
        cmocka_unit_test(a_normal_number_does_not_depend_on_how_many_are_drawn),
        cmocka_unit_test(a_permutation_holds_each_number_once),
        cmocka_unit_test(below_is_uniform_over_small_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
