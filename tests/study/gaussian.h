/* SPDX-License-Identifier: MIT
 * gaussian.h - data that are normal, element k with mean and deviation of its own, and the model
 * that knows it: E[eps | x_t] = sigma (x - alpha m) / v with v = alpha^2 s^2 + sigma^2, whose
 * Jacobian is diagonal. */
#ifndef UM_TEST_GAUSSIAN_H
#define UM_TEST_GAUSSIAN_H

#include <math.h>

#include "base/random.h"
#include "diffusion/prediction.h"
#include "sample/driver.h"
#include "study/traced_model.h"
#include "support/check.h"

enum { GAUSSIAN_SIZE = 12 };

typedef struct gaussian {
    um_ctx ctx;
    um_schedule schedule;
    um_prediction prediction;
    double mean[GAUSSIAN_SIZE], deviation[GAUSSIAN_SIZE];
    int calls;
} gaussian;

static inline void gaussian_open_schedule(gaussian *g, um_prediction prediction,
                                          const um_schedule_settings *settings)
{
    *g = (gaussian){ .prediction = prediction };
    um_ctx_init(&g->ctx);
    CHECK_OK(&g->ctx, um_schedule_init(&g->ctx, &g->schedule, settings));
    for (int k = 0; k < GAUSSIAN_SIZE; k++) {
        g->mean[k] = 0.6 - 0.1 * k;
        g->deviation[k] = 0.2 + 0.05 * k;
    }
}

static inline void gaussian_open(gaussian *g, um_prediction prediction)
{
    const um_schedule_settings settings = um_schedule_defaults();
    gaussian_open_schedule(g, prediction, &settings);
}

static inline void gaussian_close(gaussian *g) { um_schedule_free(&g->ctx, &g->schedule); }

/* alpha_bar at a timestep between two: log(sigma / alpha) is interpolated linearly. */
static inline double gaussian_alpha_bar(const gaussian *g, double t)
{
    const int below = (int)t, above = UM_MIN(below + 1, g->schedule.timesteps - 1);
    const double *bar = g->schedule.alpha_bar, part = t - below;
    const double last = fmax(bar[above], UM_ALPHA_BAR_LEAST);
    const double s = (1 - part) * log(1 / bar[below] - 1) + part * log(1 / last - 1);
    return part == 0 ? bar[below] : 1 / (1 + exp(s));
}

/* What the network would say about element k at x, and its derivative. */
static inline double gaussian_answer(const gaussian *g, int k, double x, double bar, double *slope)
{
    const double a = sqrt(bar), s = sqrt(1 - bar), s2 = g->deviation[k] * g->deviation[k];
    const double v = bar * s2 + 1 - bar, from_mean = x - a * g->mean[k];
    const double eps = s * from_mean / v, d_eps = s / v;
    const double x0 = g->mean[k] + a * s2 * from_mean / v, d_x0 = a * s2 / v;
    switch (g->prediction) {
    case UM_PREDICTION_EPSILON: *slope = d_eps; return eps;
    case UM_PREDICTION_V: *slope = a * d_eps - s * d_x0; return a * eps - s * x0;
    case UM_PREDICTION_SAMPLE: break;
    }
    *slope = d_x0;
    return x0;
}

static inline um_status gaussian_run(void *user, int n, const uint64_t *image, const float *x,
                                     const double *t, const int *labels, float *out, double *trace)
{
    gaussian *g = user;
    (void)image, (void)labels;
    for (int i = 0; i < n; i++) {
        const double bar = gaussian_alpha_bar(g, t[i]);
        if (trace) trace[i] = 0;
        for (int k = 0; k < GAUSSIAN_SIZE; k++) {
            double slope;
            const int at = i * GAUSSIAN_SIZE + k;
            out[at] = (float)gaussian_answer(g, k, (double)x[at], bar, &slope);
            if (trace) trace[i] += slope;
        }
    }
    g->calls += n;
    return UM_OK;
}

static inline um_status gaussian_predict(void *user, int n, const float *x, const double *t,
                                         const int *labels, float *out)
{
    return gaussian_run(user, n, NULL, x, t, labels, out, NULL);
}

static inline um_traced_model gaussian_traced(gaussian *g)
{
    return (um_traced_model){ gaussian_run, g };
}

static inline um_denoiser gaussian_denoiser(gaussian *g)
{
    return (um_denoiser){ .predict = gaussian_predict, .user = g };
}

/* n images of such data. */
static inline void gaussian_draw(const gaussian *g, int n, double *x)
{
    for (int i = 0; i < n; i++) {
        float z[GAUSSIAN_SIZE];
        um_random_normal(&(um_random){ 11, UM_STREAM_TEST, (uint64_t)i }, z, GAUSSIAN_SIZE);
        for (int k = 0; k < GAUSSIAN_SIZE; k++)
            x[i * GAUSSIAN_SIZE + k] = g->mean[k] + g->deviation[k] * (double)z[k];
    }
}

#endif
