/* SPDX-License-Identifier: MIT */
#include "study/probes.h"

#include <math.h>
#include <string.h>

#include "support/check.h"

enum { SIZE = 300, COUNT = 400 };

/* Mean 0, variance 1, no correlation: within five standard errors. */
static void random_probes_have_the_moments_that_hutchinson_needs(void **state)
{
    (void)state;
    for (um_divergence kind = UM_DIVERGENCE_RADEMACHER; kind <= UM_DIVERGENCE_GAUSSIAN; kind++) {
        const um_probes p = { .kind = kind, .count = COUNT, .seed = 3, .size = SIZE };
        double mean = 0, square = 0, product = 0;
        for (size_t k = 0; k < COUNT; k++) {
            um_real e[SIZE];
            um_probe_fill(&p, 7, k, e);
            for (int i = 0; i < SIZE; i++) {
                mean += (double)e[i];
                square += (double)e[i] * (double)e[i];
                product += (double)e[i] * (double)e[(i + 1) % SIZE];
            }
        }
        const double n = (double)SIZE * COUNT;
        CHECK_NEAR(mean / n, 0, 5 / sqrt(n));
        CHECK_NEAR(square / n, 1, kind == UM_DIVERGENCE_GAUSSIAN ? 5 * sqrt(2 / n) : 0);
        CHECK_NEAR(product / n, 0, 5 / sqrt(n));
    }
}

static void a_probe_depends_on_seed_image_and_number(void **state)
{
    (void)state;
    const um_probes p = { .kind = UM_DIVERGENCE_RADEMACHER, .count = 2, .seed = 3, .size = SIZE };
    um_probes other_seed = p;
    other_seed.seed = 4;
    um_real e[SIZE], other[SIZE];
    um_probe_fill(&p, 7, 1, e);
    um_probe_fill(&p, 7, 1, other);
    assert_memory_equal(e, other, sizeof e);
    um_probe_fill(&p, 7, 0, other);
    assert_memory_not_equal(e, other, sizeof e);
    um_probe_fill(&p, 8, 1, other);
    assert_memory_not_equal(e, other, sizeof e);
    um_probe_fill(&other_seed, 7, 1, other);
    assert_memory_not_equal(e, other, sizeof e);
}

static void exact_has_a_unit_vector_for_each_element(void **state)
{
    (void)state;
    const um_probes p = { .kind = UM_DIVERGENCE_EXACT, .count = 5, .size = SIZE };
    um_real e[SIZE];
    assert_int_equal(um_probes_total(&p), SIZE);
    assert_true(um_probes_trace(&p, 6) == 6);
    for (size_t k = 0; k < SIZE; k += 23) {
        um_probe_fill(&p, 1, k, e);
        for (size_t i = 0; i < SIZE; i++) assert_true(e[i] == (i == k ? 1 : 0));
    }
}

static void random_probes_are_averaged(void **state)
{
    (void)state;
    const um_probes p = { .kind = UM_DIVERGENCE_GAUSSIAN, .count = 4, .size = SIZE };
    assert_int_equal(um_probes_total(&p), 4);
    assert_true(um_probes_trace(&p, 6) == 1.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_probes_have_the_moments_that_hutchinson_needs),
        cmocka_unit_test(a_probe_depends_on_seed_image_and_number),
        cmocka_unit_test(exact_has_a_unit_vector_for_each_element),
        cmocka_unit_test(random_probes_are_averaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
