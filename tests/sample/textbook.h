/* SPDX-License-Identifier: MIT
 * textbook.h - a sampler of the reverse SDE beside its formula, written down from the papers and
 * not from the plan: a mixture of Gaussians on the VP SDE with betas 0.1 to 20. */
#ifndef UM_TEST_TEXTBOOK_H
#define UM_TEST_TEXTBOOK_H

#include "drawing.h"
#include "walk.h"

enum { TEXTBOOK_STEPS = 8, TEXTBOOK_ROWS_MAX = 2 * TEXTBOOK_STEPS + 1 };

static inline double textbook_alpha_bar(double t) { return exp(-t * t / 2 * 19.9 - 0.1 * t); }

/* x [2] from t to t - h, with noise z [2]. */
typedef void textbook_step(double t, double h, const double *z, double *x);

/* Fail where the plan's rows, `each` of them a step, of which the first draws, lead elsewhere. */
static inline void textbook_check(const char *sampler, int each, textbook_step *step)
{
    for (int denoise = 0; denoise < 2; denoise++) {
        um_sample_settings settings = drawing_settings(sampler);
        settings.steps = TEXTBOOK_STEPS;
        settings.sde = UM_SDE_VP;
        settings.time_end = 0.01;
        settings.denoise = denoise;
        drawing d;
        drawing_open(&d, &settings, 1000);
        assert_int_equal(d.plan.rows, each * TEXTBOOK_STEPS + denoise);
        double z[2 * TEXTBOOK_ROWS_MAX], got[2] = { 0.4, 1.2 }, want[2] = { 0.4, 1.2 };
        for (int k = 0; k < 2 * TEXTBOOK_ROWS_MAX; k++) z[k] = sin(1.7 * k * k);
        walk(&d.plan, d.plan.rows, &(walk_model){ walk_mixture_x0, NULL }, 2, z, got);
        const double h = 0.99 / TEXTBOOK_STEPS;
        for (int i = 0; i < TEXTBOOK_STEPS; i++) step(1.0 - i * h, h, z + 2 * each * i, want);
        if (denoise)
            walk_mixture_x0(NULL, (double[]){ want[0], want[1] }, textbook_alpha_bar(0.01), want);
        for (int k = 0; k < 2; k++) CHECK_NEAR(got[k], want[k], 1e-11);
        drawing_close(&d);
    }
}

#endif
