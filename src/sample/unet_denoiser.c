/* SPDX-License-Identifier: MIT
 * unet_denoiser.c - the network on a tape that is only walked forward. */
#include "sample/unet_denoiser.h"

#include <string.h>

void um_unet_denoiser_init(um_unet_denoiser *d, um_ctx *ctx, um_unet *unet, int h, int w)
{
    *d = (um_unet_denoiser){ .ctx = ctx, .unet = unet, .h = h, .w = w };
}

void um_unet_denoiser_free(um_unet_denoiser *d) { um_tape_close(&d->tape); }

static um_status record(um_unet_denoiser *d, int n)
{
    if (n > 0 && d->n == n) return UM_OK;
    const um_unet_config *c = um_unet_configuration(d->unet);
    d->n = 0;
    um_tape_close(&d->tape);
    UM_TRY(um_unet_size_check(d->ctx, c, d->h, d->w));
    UM_TRY(um_tape_open(&d->tape, d->ctx));
    const um_shape one = { n, 1, 1, 1 };
    d->x = um_tape_input(d->tape, "x", (um_shape){ n, d->h, d->w, c->in_channels });
    d->t = um_tape_input(d->tape, "timestep", one);
    d->labels = c->class_embed_type != UM_CLASS_NONE ? um_tape_input(d->tape, "labels", one)
                                                     : (um_var){ 0 };
    d->y = um_unet_apply(d->tape, d->unet, d->x, d->t, d->labels, false);
    um_tape_output(d->tape, d->y);
    UM_TRY(um_tape_plan(d->tape, (um_var){ 0 }));
    if (d->check_nan) um_tape_observe(d->tape, um_observer_check_nan());
    um_log(d->ctx, UM_LOG_INFO, "%.1f MiB of activations for %d images at a time",
           (double)um_tape_bytes(d->tape) / 1048576.0, n);
    const um_status status = um_tape_commit(d->tape);
    if (status == UM_OK) d->n = n;
    if (status != UM_NO_MEMORY) return status;
    return um_fail(d->ctx, status,
                   "no memory for %d images at a time: %.0f MiB of activations (a smaller "
                   "sample.batch)", n, (double)um_tape_bytes(d->tape) / 1048576.0);
}

um_status um_unet_denoiser_run(um_unet_denoiser *d, int n, const float *x, const double *t,
                               const int *labels, const float **out)
{
    UM_TRY(record(d, n));
    if (d->labels.id && !labels)
        return um_fail(d->ctx, UM_BAD_ARG, "the model is class-conditional (give it classes)");
    memcpy(um_data(d->tape, d->x), x, um_shape_count(um_shape_of(d->tape, d->x)) * sizeof *x);
    for (int i = 0; i < n; i++) {
        um_data(d->tape, d->t)[i] = (um_real)t[i];
        if (d->labels.id) um_data(d->tape, d->labels)[i] = (um_real)labels[i];
    }
    UM_TRY(um_tape_forward(d->tape));
    *out = um_data(d->tape, d->y);
    return UM_OK;
}

static um_status predict(void *user, int n, const float *x, double t, const int *labels, float *out)
{
    um_unet_denoiser *d = user;
    const float *y;
    double *each;
    UM_TRY(um_alloc(d->ctx, &each, (size_t)n, sizeof *each, "timesteps"));
    for (int i = 0; i < n; i++) each[i] = t;
    const um_status status = um_unet_denoiser_run(d, n, x, each, labels, &y);
    um_free(d->ctx, each);
    UM_TRY(status);
    memcpy(out, y, um_shape_count(um_shape_of(d->tape, d->y)) * sizeof *out);
    return UM_OK;
}

um_denoiser um_denoiser_from_unet(um_unet_denoiser *d) { return (um_denoiser){ predict, d }; }
