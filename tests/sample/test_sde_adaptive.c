/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "drawing.h"

enum { COUNT = 16, SIZE = 160, ALL = COUNT * SIZE };

static const double mean = 0.3, deviation = 0.5;

/* Independent pixels N(mean, deviation^2), by their exact noise. */
static um_status gaussian(void *user, int n, const float *x, const double *t, const int *labels,
                          float *out)
{
    (void)user, (void)labels;
    for (int i = 0; i < n * SIZE; i++) {
        const double time = t[i / SIZE] / 999, bar = exp(-time * time / 2 * 19.9 - 0.1 * time);
        const double all = bar * deviation * deviation + 1 - bar;
        out[i] = (float)(sqrt(1 - bar) * ((double)x[i] - sqrt(bar) * mean) / all);
    }
    return UM_OK;
}

static void draw(double tolerance, uint64_t seed, float *out, um_sample_tally *tally)
{
    um_sample_settings s = drawing_settings("sde_adaptive");
    s.sde = UM_SDE_VP;
    s.time_end = 0.05;
    s.denoise = false;
    s.seed = seed;
    s.rtol = s.atol = tolerance;
    drawing d;
    drawing_open(&d, &s, 1000);
    d.ctx.threads = 1;
    *tally = (um_sample_tally){ 0 };
    const um_sample_request r = { .h = 10, .w = 16, .c = 1, .count = COUNT, .tally = tally };
    CHECK_OK(&d.ctx, um_sample_run(&d.ctx, &d.plan, &(um_denoiser){ gaussian, NULL }, &r, out));
    drawing_close(&d);
}

static double distance(const float *a, const float *b)
{
    double squares = 0.0;
    for (int k = 0; k < ALL; k++) squares += pow((double)a[k] - (double)b[k], 2);
    return sqrt(squares / ALL);
}

/* Steps that are given up leave the noise as it was: with a smaller tolerance the same images, only
 * nearer to where their Brownian paths lead. */
static void the_same_seed_leads_to_the_same_images_at_any_tolerance(void **state)
{
    (void)state;
    static float fine[ALL], middle[ALL], coarse[ALL], other[ALL];
    um_sample_tally tally;
    draw(2e-3, 1, fine, &tally);
    draw(8e-3, 1, middle, &tally);
    assert_true(tally.rejected > 0);
    draw(3e-2, 1, coarse, &tally);
    draw(8e-3, 2, other, &tally);
    assert_true(distance(coarse, fine) < 0.1 && distance(middle, fine) < 0.02);
    /* steps are as long as the tolerance to 2/3 asks, and the error as large as the steps are long:
     * (8^(2/3) - 2^(2/3)) / (30^(2/3) - 2^(2/3)) = 0.3 if the errors lie in a line, 0.5 if not */
    assert_true(distance(middle, fine) < 0.6 * distance(coarse, fine));
    assert_true(distance(other, fine) > 0.5);
}

/* Three standard errors, and what Euler-Maruyama is off by with steps as short as these. */
static void mean_and_variance_are_the_data_s(void **state)
{
    (void)state;
    static float x[ALL];
    um_sample_tally tally;
    draw(5e-3, 3, x, &tally);
    double s1 = 0.0, s2 = 0.0;
    for (int k = 0; k < ALL; k++) s1 += (double)x[k], s2 += (double)x[k] * (double)x[k];
    const double bar = exp(-0.05 * 0.05 / 2 * 19.9 - 0.005);
    const double v = bar * deviation * deviation + 1 - bar, m = s1 / ALL;
    CHECK_NEAR(m, sqrt(bar) * mean, 3.0 * sqrt(v / ALL) + 0.002);
    CHECK_NEAR(s2 / ALL - m * m, v, 3.0 * v * sqrt(2.0 / ALL) + 0.004);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_leads_to_the_same_images_at_any_tolerance),
        cmocka_unit_test(mean_and_variance_are_the_data_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
