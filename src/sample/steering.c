/* SPDX-License-Identifier: MIT
 * steering.c - the gradient, added to what the model says. */
#include "sample/steering.h"

#include <math.h>

void um_steering_init(um_steering *s, um_ctx *ctx, const um_denoiser *model,
                      um_classifier *classifier, const um_schedule *schedule,
                      um_prediction prediction, double scale)
{
    const int channels = um_unet_configuration(classifier->unet)->in_channels;
    *s = (um_steering){
        .ctx = ctx, .model = *model, .classifier = classifier, .schedule = schedule,
        .prediction = prediction, .scale = scale,
        .size = (size_t)classifier->h * (size_t)classifier->w * (size_t)channels,
    };
}

void um_steering_free(um_steering *s)
{
    um_free(s->ctx, s->grad);
    s->grad = NULL;
    s->room = 0;
}

static um_status make_room(um_steering *s, int n)
{
    if (n <= s->room) return UM_OK;
    um_steering_free(s);
    UM_TRY(um_alloc(s->ctx, &s->grad, (size_t)n * s->size, sizeof *s->grad, "steering"));
    s->room = n;
    return UM_OK;
}

/* How much of the gradient an answer at timestep t gets: the noise is linear in it. */
static double gain(const um_steering *s, double t)
{
    const double last = (double)s->schedule->timesteps - 1.0;
    const double bar = um_schedule_alpha_bar_at(s->schedule, fmin(fmax(t, 0.0), last));
    if (bar <= 0.0) return 0.0;
    return -s->scale * sqrt(1.0 - bar) / um_prediction_rule_at(s->prediction, bar).eps_out;
}

static um_status predict(void *user, int n, const float *x, const double *t, const int *labels,
                         float *out)
{
    um_steering *s = user;
    if (!labels)
        return um_fail(s->ctx, UM_BAD_ARG, "a classifier without classes (give it classes)");
    UM_TRY(make_room(s, n));
    UM_TRY(s->model.predict(s->model.user, n, x, t, labels, out));
    UM_TRY(um_classifier_gradient(s->classifier, n, x, t, labels, s->grad, NULL));
    for (int i = 0; i < n; i++) {
        const double factor = gain(s, t[i]);
        for (size_t k = (size_t)i * s->size; k < (size_t)(i + 1) * s->size; k++)
            out[k] = (float)((double)out[k] + factor * (double)s->grad[k]);
    }
    return UM_OK;
}

um_denoiser um_denoiser_from_steering(um_steering *s)
{
    return (um_denoiser){ predict, s, s->model.learns_variance };
}
