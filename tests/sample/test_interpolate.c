/* SPDX-License-Identifier: MIT */
#include "sample/interpolate.h"

#include <math.h>
#include <string.h>

#include "support/check.h"

enum { SIZE = 64 };

static void ends(float *a, float *b)
{
    for (int k = 0; k < SIZE; k++) {
        a[k] = (float)sin(1.0 + k);
        b[k] = (float)cos(2.0 * k) * 2.0f;
    }
}

static double length(const float *x)
{
    double sum = 0.0;
    for (int k = 0; k < SIZE; k++) sum += (double)x[k] * (double)x[k];
    return sqrt(sum);
}

static void ends_are_what_they_were_bit_for_bit(void **state)
{
    (void)state;
    float a[SIZE], b[SIZE], x[SIZE];
    ends(a, b);
    for (int spherical = 0; spherical < 2; spherical++) {
        um_interpolate(SIZE, a, b, 0.0, spherical, x);
        assert_memory_equal(x, a, sizeof a);
        um_interpolate(SIZE, a, b, 1.0, spherical, x);
        assert_memory_equal(x, b, sizeof b);
    }
}

/* On the unit circle the angle grows evenly. */
static void the_great_circle_is_walked_evenly(void **state)
{
    (void)state;
    const float a[2] = { 1.0f, 0.0f }, b[2] = { 0.0f, 1.0f };
    for (int k = 1; k < 9; k++) {
        float x[2];
        const double angle = k / 9.0 * acos(0.0);
        um_interpolate(2, a, b, k / 9.0, true, x);
        CHECK_NEAR(x[0], cos(angle), 1e-6);
        CHECK_NEAR(x[1], sin(angle), 1e-6);
    }
}

static void a_straight_line_is_shorter_inside(void **state)
{
    (void)state;
    float a[SIZE], b[SIZE], straight[SIZE], round[SIZE];
    ends(a, b);
    const double ratio = length(a) / length(b);
    for (int k = 0; k < SIZE; k++) b[k] *= (float)ratio;
    um_interpolate(SIZE, a, b, 0.5, false, straight);
    um_interpolate(SIZE, a, b, 0.5, true, round);
    for (int k = 0; k < SIZE; k++)
        CHECK_NEAR(straight[k], 0.5 * ((double)a[k] + (double)b[k]), 1e-6);
    CHECK_NEAR(length(round), length(a), 1e-4);
    assert_true(length(straight) < 0.9 * length(a));
}

static void ends_that_single_out_no_circle_are_joined_by_a_line(void **state)
{
    (void)state;
    float a[SIZE], b[SIZE], zero[SIZE] = { 0 }, x[SIZE];
    ends(a, b);
    for (int k = 0; k < SIZE; k++) b[k] = -3.0f * a[k];
    const float *const others[] = { a, b, zero };
    for (size_t i = 0; i < UM_COUNT(others); i++) {
        um_interpolate(SIZE, a, others[i], 0.25, true, x);
        for (int k = 0; k < SIZE; k++)
            CHECK_NEAR(x[k], 0.75 * (double)a[k] + 0.25 * (double)others[i][k], 1e-6);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_are_what_they_were_bit_for_bit),
        cmocka_unit_test(the_great_circle_is_walked_evenly),
        cmocka_unit_test(a_straight_line_is_shorter_inside),
        cmocka_unit_test(ends_that_single_out_no_circle_are_joined_by_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
