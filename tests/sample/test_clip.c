/* SPDX-License-Identifier: MIT */
#include "sample/clip.h"

#include <math.h>
#include <stdlib.h>

#include "base/random.h"
#include "support/check.h"

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void clipping_keeps_to_its_range(void **state)
{
    (void)state;
    const um_sample_settings s = { .clip_sample = true, .clip_sample_range = 1.5 };
    double x[] = { -9.0, -1.5, 0.25, 1.4, 1.6 }, scratch[5];
    um_clip_x0(&s, 1, 5, x, scratch);
    static const double want[] = { -1.5, -1.5, 0.25, 1.4, 1.5 };
    assert_memory_equal(x, want, sizeof want);
}

static void without_clipping_nothing_changes(void **state)
{
    (void)state;
    const um_sample_settings s = { .clip_sample_range = 1.0 };
    assert_false(um_clip_is_on(&s));
    double x[] = { -9.0, 9.0 }, scratch[2];
    um_clip_x0(&s, 1, 2, x, scratch);
    assert_true(x[0] == -9.0 && x[1] == 9.0);
}

/* Against sorting: the quantile is linear between neighbouring ranks, each image has its own. */
static void thresholding_divides_by_the_quantile_of_each_image(void **state)
{
    (void)state;
    enum { N = 3, SIZE = 97 };
    um_sample_settings s = { .thresholding = true, .sample_max_value = 5.0 };
    static const double ratios[] = { 0.01, 0.5, 0.9, 0.995, 1.0 };
    for (size_t r = 0; r < UM_COUNT(ratios); r++) {
        s.dynamic_thresholding_ratio = ratios[r];
        double x[N * SIZE], before[N * SIZE], sorted[SIZE], scratch[SIZE];
        for (uint32_t k = 0; k < N * SIZE; k++) {
            const um_random random = { r, UM_STREAM_TEST, k };
            x[k] = before[k] = 4.0 * (k / SIZE + 1) * (um_random_uniform(&random, 0) - 0.5);
            if (k % 5 == 0) x[k] = before[k] = 1.0; /* ties */
        }
        um_clip_x0(&s, N, SIZE, x, scratch);
        for (int i = 0; i < N; i++) {
            for (int k = 0; k < SIZE; k++) sorted[k] = fabs(before[i * SIZE + k]);
            qsort(sorted, SIZE, sizeof *sorted, ascending);
            const double rank = ratios[r] * (SIZE - 1);
            const int low = (int)rank, high = low + 1 < SIZE ? low + 1 : low;
            double q = sorted[low] + (rank - low) * (sorted[high] - sorted[low]);
            q = fmin(fmax(q, 1.0), 5.0);
            for (int k = i * SIZE; k < (i + 1) * SIZE; k++)
                CHECK_NEAR(x[k], fmin(fmax(before[k], -q), q) / q, 1e-12);
        }
    }
}

static void one_number_is_its_own_quantile(void **state)
{
    (void)state;
    const um_sample_settings s = { .thresholding = true, .dynamic_thresholding_ratio = 0.995,
                                   .sample_max_value = 10.0 };
    double x = -4.0, scratch;
    um_clip_x0(&s, 1, 1, &x, &scratch);
    assert_true(x == -1.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clipping_keeps_to_its_range),
        cmocka_unit_test(without_clipping_nothing_changes),
        cmocka_unit_test(thresholding_divides_by_the_quantile_of_each_image),
        cmocka_unit_test(one_number_is_its_own_quantile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
