/* SPDX-License-Identifier: MIT */
#include "sample/brownian.h"

#include <math.h>
#include <string.h>

#include "drawing.h"

enum { SIZE = 4096 };

typedef struct subject {
    drawing d;
    um_sample_request request;
    um_run run;
    um_arena arena;
    double scratch[3 * SIZE];
} subject;

static void open(subject *s, uint64_t seed)
{
    memset(s, 0, sizeof *s);
    um_sample_settings settings = drawing_settings("sde_adaptive");
    settings.seed = seed;
    settings.time_grid = UM_TIME_GRID_QUADRATIC;
    drawing_open(&s->d, &settings, 1000);
    s->request = (um_sample_request){ .h = 64, .w = 64, .c = 1, .count = 2, .first_image = 7 };
    s->arena.ctx = &s->d.ctx;
    static const um_denoiser nobody; /* is asked */
    s->run = (um_run){ .ctx = &s->d.ctx, .plan = &s->d.plan, .model = &nobody,
                       .request = &s->request, .size = SIZE };
    CHECK_OK(&s->d.ctx, um_run_open(&s->run, &s->arena, 2));
}

static void close(subject *s)
{
    um_arena_free(&s->arena);
    drawing_close(&s->d);
}

static void ask(subject *s, int image, uint32_t index, double *w)
{
    um_brownian_at(&s->run, image, index, s->scratch, w);
}

static void the_path_is_a_function_of_seed_image_and_place(void **state)
{
    (void)state;
    static subject s;
    static double a[SIZE], b[SIZE];
    open(&s, 5);
    ask(&s, 1, 12345, a);
    ask(&s, 0, 777, b);
    ask(&s, 1, 12345, b);
    assert_memory_equal(a, b, sizeof a);
    ask(&s, 0, 12345, b);
    assert_memory_not_equal(a, b, sizeof a);
    s.run.first = 1; /* the same image in another batch */
    ask(&s, 0, 12345, b);
    assert_memory_equal(a, b, sizeof a);
    close(&s);
    open(&s, 6);
    ask(&s, 1, 12345, b);
    assert_memory_not_equal(a, b, sizeof a);
    close(&s);
}

static double product(const double *a, const double *b)
{
    double sum = 0.0;
    for (int k = 0; k < SIZE; k++) sum += a[k] * b[k];
    return sum / SIZE;
}

/* Steps of the path have the variance of the time they take, and do not know each other. On the
 * quadratic grid the clock at index i is (i / 2^20)^2. Four standard errors of 4096 numbers. */
static void steps_are_independent_with_the_variance_of_their_time(void **state)
{
    (void)state;
    static const double at[] = { 0.0, 0.125, 0.25, 0.375, 0.5, 0.75, 0.8125, 1.0 };
    enum { STEPS = 7 };
    static subject s;
    static double w[STEPS + 1][SIZE];
    open(&s, 5);
    for (int i = 0; i <= STEPS; i++) ask(&s, 0, (uint32_t)(at[i] * UM_BROWNIAN_END), w[i]);
    for (int k = 0; k < SIZE; k++) assert_true(w[0][k] == 0.0);
    for (int i = STEPS; i > 0; i--)
        for (int k = 0; k < SIZE; k++)
            w[i][k] = (w[i][k] - w[i - 1][k]) / sqrt(at[i] * at[i] - at[i - 1] * at[i - 1]);
    for (int i = 1; i <= STEPS; i++)
        for (int j = 1; j <= i; j++)
            CHECK_NEAR(product(w[i], w[j]), i == j, 4.0 * sqrt((1.0 + (i == j)) / SIZE));
    close(&s);
}

static void neighbours_at_the_finest_level_are_near(void **state)
{
    (void)state;
    static subject s;
    static double a[SIZE], b[SIZE];
    open(&s, 5);
    const uint32_t index = UM_BROWNIAN_END / 3;
    ask(&s, 0, index, a);
    ask(&s, 0, index + 1, b);
    for (int k = 0; k < SIZE; k++) a[k] = b[k] - a[k];
    const double time = 2.0 / 3.0 / UM_BROWNIAN_END; /* d(u^2) = 2 u du */
    CHECK_NEAR(product(a, a), time, 4.0 * time * sqrt(2.0 / SIZE));
    close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_path_is_a_function_of_seed_image_and_place),
        cmocka_unit_test(steps_are_independent_with_the_variance_of_their_time),
        cmocka_unit_test(neighbours_at_the_finest_level_are_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
