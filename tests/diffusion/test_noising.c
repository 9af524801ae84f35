/* SPDX-License-Identifier: MIT */
#include "diffusion/noising.h"

#include <math.h>

#include "support/check.h"

static void every_image_is_noised_to_its_own_timestep(void **state)
{
    (void)state;
    um_ctx ctx;
    um_ctx_init(&ctx);
    const um_schedule_settings settings = um_schedule_defaults();
    um_schedule s;
    CHECK_OK(&ctx, um_schedule_init(&ctx, &s, &settings));
    const int t[] = { 0, 999, 417 };
    const float x0[] = { 1.0f, -1.0f, 0.5f, 0.25f, 0.0f, 0.75f };
    const float noise[] = { 0.1f, 0.2f, -0.3f, 1.4f, 2.5f, -0.6f };
    float xt[6];
    um_noising_apply(&s, 3, 2, t, x0, noise, xt);
    for (int i = 0; i < 6; i++) {
        double bar = 1.0; /* by hand: the product of 1 - beta of a linear schedule */
        for (int k = 0; k <= t[i / 2]; k++) bar *= 1.0 - (1e-4 + (0.02 - 1e-4) * k / 999.0);
        CHECK_NEAR(xt[i], sqrt(bar) * x0[i] + sqrt(1.0 - bar) * noise[i], 1e-6);
    }
    um_schedule_free(&ctx, &s);
}

static void timesteps_are_uniform_and_belong_to_their_position(void **state)
{
    (void)state;
    enum { T = 10, N = 20000 };
    int seen[T] = { 0 };
    for (int i = 0; i < N; i++) {
        const int t = um_timestep_uniform(3, (uint64_t)i, T);
        assert_in_range(t, 0, T - 1);
        seen[t]++;
        assert_int_equal(t, um_timestep_uniform(3, (uint64_t)i, T));
    }
    double chi2 = 0.0;
    for (int t = 0; t < T; t++) chi2 += pow(seen[t] - N / T, 2.0) / (N / T);
    assert_true(chi2 < 27.9); /* 9 degrees of freedom, one in a thousand */
    assert_int_equal(um_timestep_uniform(3, 5, 1), 0);
}

static void noise_belongs_to_its_position_alone(void **state)
{
    (void)state;
    float a[8], b[4], c[4];
    um_noise_normal(1, 7, a, 8);
    um_noise_normal(1, 7, b, 4);
    um_noise_normal(1, 8, c, 4);
    assert_memory_equal(a, b, sizeof b);
    assert_memory_not_equal(b, c, sizeof b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_image_is_noised_to_its_own_timestep),
        cmocka_unit_test(timesteps_are_uniform_and_belong_to_their_position),
        cmocka_unit_test(noise_belongs_to_its_position_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
