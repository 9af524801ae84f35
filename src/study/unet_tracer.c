/* SPDX-License-Identifier: MIT
 * unet_tracer.c - a walk forward and back for each probe. */
#include "study/unet_tracer.h"

#include <string.h>

/* Room for a gradient of the whole part; images behind those of this run keep what they had. */
static um_status prepare(um_unet_tracer *r)
{
    const um_unet_denoiser *d = &r->denoiser;
    if (r->room == d->part) return UM_OK;
    um_free(d->ctx, r->probe);
    r->room = 0;
    UM_TRY(um_alloc(d->ctx, &r->probe, (size_t)d->part * r->probes.size, sizeof *r->probe,
                    "probes of the divergence"));
    r->room = d->part;
    return UM_OK;
}

/* Images from .. from + n - 1 are on the tape, which has walked forward. */
static um_status trace_part(void *user, int from, int n)
{
    um_unet_tracer *r = user;
    const um_unet_denoiser *d = &r->denoiser;
    const size_t size = r->probes.size;
    UM_TRY(prepare(r));
    for (int i = 0; i < n; i++) r->trace[from + i] = 0;
    for (size_t k = 0; k < um_probes_total(&r->probes); k++) {
        UM_TRY(um_check_cancelled(d->ctx));
        if (k > 0) UM_TRY(um_tape_forward(d->tape)); /* the walk back took the values' places */
        for (int i = 0; i < n; i++)
            um_probe_fill(&r->probes, r->image[from + i], k, r->probe + (size_t)i * size);
        UM_TRY(um_tape_backward(d->tape, r->probe, false));
        const um_real *product = um_grad(d->tape, d->x); /* e^T J */
        for (int i = 0; i < n; i++) {
            const size_t at = (size_t)i * size;
            double sum = 0;
            for (size_t j = at; j < at + size; j++)
                sum += (double)product[j] * (double)r->probe[j];
            r->trace[from + i] += sum;
        }
    }
    for (int i = from; i < from + n; i++) r->trace[i] = um_probes_trace(&r->probes, r->trace[i]);
    return UM_OK;
}

void um_unet_tracer_init(um_unet_tracer *r, um_ctx *ctx, um_unet *unet, int h, int w,
                         const um_probes *probes)
{
    *r = (um_unet_tracer){ .probes = *probes };
    um_unet_denoiser_init(&r->denoiser, ctx, unet, h, w);
    r->denoiser.differentiable = true;
    r->denoiser.after_part = trace_part;
    r->denoiser.after_user = r;
    r->probes.size = (size_t)h * (size_t)w * (size_t)um_unet_configuration(unet)->in_channels;
}

void um_unet_tracer_free(um_unet_tracer *r)
{
    if (r->denoiser.ctx) um_free(r->denoiser.ctx, r->probe);
    um_unet_denoiser_free(&r->denoiser);
    r->probe = NULL;
    r->room = 0;
}

static um_status run(void *user, int n, const uint64_t *image, const float *x, const double *t,
                     const int *labels, float *out, double *trace)
{
    um_unet_tracer *r = user;
    r->image = image;
    r->trace = trace;
    return um_unet_denoiser_run(&r->denoiser, n, x, t, labels, out);
}

um_traced_model um_traced_model_from_unet(um_unet_tracer *r)
{
    return (um_traced_model){ run, r };
}
