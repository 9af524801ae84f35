/* SPDX-License-Identifier: MIT
 * steering.c - the gradient, in parts of the batch, added to what the model says. */
#include "sample/steering.h"

#include <math.h>
#include <string.h>

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
    um_free(s->ctx, s->x);
    um_free(s->ctx, s->grad);
    um_free(s->ctx, s->t);
    um_free(s->ctx, s->labels);
    s->x = s->grad = NULL;
    s->t = NULL;
    s->labels = NULL;
    s->part = 0;
}

/* Room for a part: as many images as the classifier is fast at, whatever the batch. */
static um_status make_room(um_steering *s)
{
    um_classifier *c = s->classifier;
    int part;
    if (s->part > 0) return UM_OK;
    UM_TRY(um_unet_part(c->unet, c->h, c->w, &part));
    UM_TRY(um_alloc(s->ctx, &s->x, (size_t)part * s->size, sizeof *s->x, "steering"));
    UM_TRY(um_alloc(s->ctx, &s->grad, (size_t)part * s->size, sizeof *s->grad, "steering"));
    UM_TRY(um_alloc(s->ctx, &s->t, (size_t)part, sizeof *s->t, "steering"));
    UM_TRY(um_alloc(s->ctx, &s->labels, (size_t)part, sizeof *s->labels, "steering"));
    s->part = part;
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

/* Steer images 0 .. n-1 of a part. The tape is as large as a full part where there are more than
 * one; what stands in the rest of it is what stood there before. */
static um_status steer(um_steering *s, int n, int part, const float *x, const double *t,
                       const int *labels, float *out)
{
    memcpy(s->x, x, (size_t)n * s->size * sizeof *x);
    memcpy(s->t, t, (size_t)n * sizeof *t);
    memcpy(s->labels, labels, (size_t)n * sizeof *labels);
    UM_TRY(um_classifier_gradient(s->classifier, part, s->x, s->t, s->labels, s->grad, NULL));
    for (int i = 0; i < n; i++) {
        const double factor = gain(s, t[i]);
        for (size_t k = (size_t)i * s->size; k < (size_t)(i + 1) * s->size; k++)
            out[k] = (float)((double)out[k] + factor * (double)s->grad[k]);
    }
    return UM_OK;
}

static um_status predict(void *user, int n, const float *x, const double *t, const int *labels,
                         float *out)
{
    um_steering *s = user;
    if (!labels)
        return um_fail(s->ctx, UM_BAD_ARG, "a classifier without classes (give it classes)");
    UM_TRY(make_room(s));
    UM_TRY(s->model.predict(s->model.user, n, x, t, labels, out));
    const int part = UM_MIN(n, s->part);
    for (int from = 0; from < n; from += part) {
        const size_t at = (size_t)from * s->size;
        UM_TRY(steer(s, UM_MIN(part, n - from), part, x + at, t + from, labels + from, out + at));
    }
    return UM_OK;
}

um_denoiser um_denoiser_from_steering(um_steering *s)
{
    return (um_denoiser){ predict, s, s->model.learns_variance };
}
