/* SPDX-License-Identifier: MIT
 * unet_denoiser.c - the network on a tape, walked forward, and back where asked. */
#include "sample/unet_denoiser.h"

#include "base/need.h"

#include <string.h>

void um_unet_denoiser_init(um_unet_denoiser *d, um_ctx *ctx, um_unet *unet, int h, int w)
{
    *d = (um_unet_denoiser){ .ctx = ctx, .unet = unet, .h = h, .w = w };
}

void um_unet_denoiser_free(um_unet_denoiser *d)
{
    um_tape_close(&d->tape);
    d->n = d->part = 0;
}

static bool learns_variance(const um_unet_denoiser *d)
{
    return um_unet_learns_variance(um_unet_configuration(d->unet)) && !d->differentiable;
}

/* A part is as large as the network is fast at, and has work for every thread. */
static um_status largest_part(um_unet_denoiser *d, int *most)
{
    UM_TRY(um_unet_size_check(d->ctx, um_unet_configuration(d->unet), d->h, d->w));
    if (d->fast == 0) UM_TRY(um_unet_part(d->unet, d->h, d->w, &d->fast));
    *most = UM_MAX(d->fast, d->ctx->threads);
    return UM_OK;
}

/* Equal parts of n images. */
static um_status choose_part(um_unet_denoiser *d, int n, int *part)
{
    int most;
    UM_TRY(largest_part(d, &most));
    const int parts = UM_MAX(1, (n + most - 1) / most);
    *part = (n + parts - 1) / parts;
    return UM_OK;
}

/* A tape for n images that is planned and takes no memory yet. */
static um_status plan(um_unet_denoiser *d, int n)
{
    const um_unet_config *c = um_unet_configuration(d->unet);
    if (c->logits)
        return um_fail(d->ctx, UM_BAD_ARG, "the model is a classifier (a denoiser, which predicts "
                       "images)");
    um_tape_close(&d->tape);
    d->n = d->part = 0;
    UM_TRY(um_tape_open(&d->tape, d->ctx));
    um_tape_precision(d->tape, d->precision);
    const um_shape one = { n, 1, 1, 1 };
    d->x = um_tape_input(d->tape, "x", (um_shape){ n, d->h, d->w, c->in_channels });
    if (d->differentiable) um_tape_want_grad(d->tape, d->x);
    d->t = um_tape_input(d->tape, "timestep", one);
    d->labels = c->class_embed_type != UM_CLASS_NONE ? um_tape_input(d->tape, "labels", one)
                                                     : (um_var){ 0 };
    d->y = um_unet_apply(d->tape, d->unet, d->x, d->t, d->labels, false);
    if (um_unet_learns_variance(c) && d->differentiable)
        d->y = um_slice(d->tape, d->y, 0, c->in_channels);
    um_tape_output(d->tape, d->y);
    return um_tape_plan(d->tape, d->differentiable ? d->y : (um_var){ 0 });
}

static um_status record(um_unet_denoiser *d, int n)
{
    UM_TRY(plan(d, n));
    if (d->check_nan) um_tape_observe(d->tape, um_observer_check_nan());
    um_log(d->ctx, UM_LOG_INFO, "%.1f MiB of activations for %d images at a time",
           (double)um_tape_bytes(d->tape) / 1048576.0, n);
    um_need need = { .work = "the model",
                     .lower = "fewer images at once: sample.batch, evaluate.batch" };
    um_need_add(&need, "activations", (double)um_tape_bytes(d->tape));
    UM_TRY(um_need_check(d->ctx, &need));
    UM_TRY(um_tape_commit(d->tape));
    d->part = n;
    return UM_OK;
}

static um_status prepare(um_unet_denoiser *d, int n)
{
    if (n > 0 && d->n == n) return UM_OK;
    int part;
    d->n = 0;
    UM_TRY(choose_part(d, n, &part));
    if (n < 1 || d->part != part) UM_TRY(record(d, part)); /* which refuses to hold no image */
    d->n = n;
    return UM_OK;
}

um_status um_unet_denoiser_bytes(um_unet_denoiser *d, int n, size_t *bytes)
{
    int most;
    UM_TRY(largest_part(d, &most));
    const um_status status = plan(d, UM_MIN(n, most));
    if (status == UM_OK) *bytes = um_tape_bytes(d->tape);
    um_unet_denoiser_free(d);
    return status;
}

/* What the network says of images from .. from + n - 1, pixel by pixel; of its two halves the first
 * ones stand together. */
static void read_answer(const um_unet_denoiser *d, int from, int n, float *out)
{
    const um_shape s = um_shape_of(d->tape, d->y);
    const size_t in = (size_t)um_unet_configuration(d->unet)->in_channels, c = (size_t)s.c;
    const size_t pixels = (size_t)n * (size_t)s.h * (size_t)s.w;
    const size_t before = (size_t)from * (size_t)s.h * (size_t)s.w;
    const um_real *y = um_data(d->tape, d->y);
    if (!learns_variance(d)) {
        memcpy(out + before * c, y, pixels * c * sizeof *out);
        return;
    }
    float *mean = out + before * in, *v = mean + (size_t)d->n * (size_t)s.h * (size_t)s.w * in;
    for (size_t i = 0; i < pixels; i++) {
        memcpy(mean + i * in, y + i * c, in * sizeof *mean);
        memcpy(v + i * in, y + i * c + in, in * sizeof *v);
    }
}

/* Images from .. from + n - 1; what is left of the part keeps what it had. */
static um_status run_part(um_unet_denoiser *d, int from, int n, const float *x, const double *t,
                          const int *labels, float *out)
{
    const size_t in = um_shape_count(um_shape_of(d->tape, d->x)) / (size_t)d->part;
    memcpy(um_data(d->tape, d->x), x + (size_t)from * in, (size_t)n * in * sizeof *x);
    for (int i = 0; i < n; i++) {
        um_data(d->tape, d->t)[i] = (um_real)t[from + i];
        if (d->labels.id) um_data(d->tape, d->labels)[i] = (um_real)labels[from + i];
    }
    UM_TRY(um_tape_forward(d->tape));
    read_answer(d, from, n, out);
    return d->after_part ? d->after_part(d->after_user, from, n) : UM_OK;
}

um_status um_unet_denoiser_run(um_unet_denoiser *d, int n, const float *x, const double *t,
                               const int *labels, float *out)
{
    UM_TRY(prepare(d, n));
    if (d->labels.id && !labels)
        return um_fail(d->ctx, UM_BAD_ARG, "the model is class-conditional (give it classes)");
    for (int from = 0; from < n; from += d->part)
        UM_TRY(run_part(d, from, UM_MIN(d->part, n - from), x, t, labels, out));
    return UM_OK;
}

static um_status predict(void *user, int n, const float *x, const double *t, const int *labels,
                         float *out)
{
    return um_unet_denoiser_run(user, n, x, t, labels, out);
}

um_denoiser um_denoiser_from_unet(um_unet_denoiser *d)
{
    return (um_denoiser){ predict, d, learns_variance(d) };
}
