/* SPDX-License-Identifier: MIT */
#include "diffusion/timestep_sampling.h"

#include <math.h>

#include "diffusion/noising.h"
#include "support/check.h"
#include "support/failing.h"
#include "support/scratch.h"

enum { T = 4 };

static um_ctx *open_sampler(um_timestep_sampler *s, um_timestep_sampling kind)
{
    static um_ctx ctx;
    um_ctx_init(&ctx);
    CHECK_OK(&ctx, um_timestep_sampler_init(&ctx, s, kind, T));
    return &ctx;
}

/* `times` losses at each t: factor * (t + 1). */
static void learn(um_timestep_sampler *s, int times, double factor)
{
    for (int i = 0; i < times; i++)
        for (int t = 0; t < T; t++)
            um_timestep_sampler_learn(s, 1, &t, &(double){ factor * (t + 1) });
}

static void check_uniform(const um_timestep_sampler *s)
{
    for (uint64_t i = 0; i < 50; i++) {
        double weight;
        assert_int_equal(um_timestep_sampler_draw(s, 3, i, &weight), um_timestep_uniform(3, i, T));
        assert_true(weight == 1);
    }
}

static void until_all_losses_are_known_draws_are_uniform(void **state)
{
    (void)state;
    um_timestep_sampler s;
    um_ctx *ctx = open_sampler(&s, UM_TIMESTEPS_UNIFORM);
    learn(&s, 20, 1);
    check_uniform(&s);
    um_timestep_sampler_free(ctx, &s);
    ctx = open_sampler(&s, UM_TIMESTEPS_LOSS_SECOND_MOMENT);
    check_uniform(&s);
    learn(&s, UM_LOSS_HISTORY - 1, 1);
    const int all_but_one[] = { 0, 2, 3 };
    um_timestep_sampler_learn(&s, 3, all_but_one, (double[]){ 1, 3, 4 });
    check_uniform(&s);
    assert_false(s.warm);
    um_timestep_sampler_learn(&s, 1, (int[]){ 1 }, (double[]){ 2 });
    assert_true(s.warm);
    um_timestep_sampler_free(ctx, &s);
}

/* p by hand: 0.999 (t + 1) / 10 + 0.001 / 4, in 20000 draws. */
static void draws_follow_the_losses_and_weights_undo_it(void **state)
{
    (void)state;
    enum { N = 20000 };
    um_timestep_sampler s;
    um_ctx *ctx = open_sampler(&s, UM_TIMESTEPS_LOSS_SECOND_MOMENT);
    int seen[T] = { 0 };
    double chi2 = 0, mean = 0;
    learn(&s, 3, 100); /* forgotten: only the last ten count */
    learn(&s, UM_LOSS_HISTORY, 1);
    for (int i = 0; i < N; i++) {
        double weight, again;
        const int t = um_timestep_sampler_draw(&s, 5, (uint64_t)i, &weight);
        assert_in_range(t, 0, T - 1);
        assert_int_equal(t, um_timestep_sampler_draw(&s, 5, (uint64_t)i, &again));
        CHECK_NEAR(weight, 1 / (T * (0.999 * (t + 1) / 10 + 0.001 / T)), 1e-12);
        seen[t]++;
        mean += weight * (t * t) / N;
    }
    for (int t = 0; t < T; t++) {
        const double expected = N * (0.999 * (t + 1) / 10 + 0.001 / T);
        chi2 += pow(seen[t] - expected, 2) / expected;
    }
    assert_true(chi2 < 16.3);     /* 3 degrees of freedom, one in a thousand */
    CHECK_NEAR(mean, 3.5, 0.057); /* that of t^2 over uniform t; 4 standard deviations */
    um_timestep_sampler_free(ctx, &s);
}

/* The root of the mean square, not the mean. */
static void the_second_moment_counts(void **state)
{
    (void)state;
    um_timestep_sampler s;
    um_ctx *ctx = open_sampler(&s, UM_TIMESTEPS_LOSS_SECOND_MOMENT);
    learn(&s, UM_LOSS_HISTORY, 0);
    assert_false(s.warm); /* losses of 0 say nothing */
    for (int i = 0; i < UM_LOSS_HISTORY; i++)
        um_timestep_sampler_learn(&s, 2, (int[]){ 1, 2 }, (double[]){ i % 2 ? 1 : 7, 4 });
    assert_true(s.warm);
    CHECK_NEAR(s.moment[1], 5, 1e-12); /* of 1 and 49 */
    CHECK_NEAR(s.moment[2], 4, 1e-12);
    CHECK_NEAR(s.cumulative[0], 0.001 / T, 1e-12);
    CHECK_NEAR(s.cumulative[1], 0.999 * 5 / 9 + 0.002 / T, 1e-12);
    CHECK_NEAR(s.cumulative[3], 1, 1e-12);
    um_timestep_sampler_free(ctx, &s);
}

static void restoring_gives_the_same_draws(void **state)
{
    (void)state;
    um_timestep_sampler a, b;
    um_ctx *ctx = open_sampler(&a, UM_TIMESTEPS_LOSS_SECOND_MOMENT);
    CHECK_OK(ctx, um_timestep_sampler_init(ctx, &b, UM_TIMESTEPS_LOSS_SECOND_MOMENT, T));
    learn(&a, 13, 0.1);
    for (int i = 0; i < T * UM_LOSS_HISTORY; i++) b.history[i] = a.history[i];
    for (int t = 0; t < T; t++) b.count[t] = a.count[t];
    CHECK_OK(ctx, um_timestep_sampler_restore(ctx, &b));
    assert_true(b.warm);
    assert_memory_equal(a.cumulative, b.cumulative, T * sizeof *a.cumulative);
    b.count[2] = 11;
    assert_int_equal(um_timestep_sampler_restore(ctx, &b), UM_BAD_FILE);
    CHECK_TOLD(ctx, "11 losses of timestep 2 (0 to 10)");
    b.count[2] = 10;
    b.history[25] = -0.5f;
    assert_int_equal(um_timestep_sampler_restore(ctx, &b), UM_BAD_FILE);
    CHECK_TOLD(ctx, "a loss of -0.5 at timestep 2 (0 or more)");
    um_timestep_sampler_free(ctx, &a);
    um_timestep_sampler_free(ctx, &b);
}

static um_status init_once(um_ctx *ctx, void *arg)
{
    um_timestep_sampler s;
    (void)arg;
    UM_TRY(um_timestep_sampler_init(ctx, &s, UM_TIMESTEPS_LOSS_SECOND_MOMENT, T));
    um_timestep_sampler_free(ctx, &s);
    return UM_OK;
}

static void want_of_memory_is_said(void **state)
{
    (void)state;
    check_every_allocation(init_once, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(until_all_losses_are_known_draws_are_uniform),
        cmocka_unit_test(draws_follow_the_losses_and_weights_undo_it),
        cmocka_unit_test(the_second_moment_counts),
        cmocka_unit_test(restoring_gives_the_same_draws),
        cmocka_unit_test(want_of_memory_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
