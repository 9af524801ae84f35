/* SPDX-License-Identifier: MIT
 * fit.c - bytes grow with the batch, so the largest that fits is found by halving. */
#include "sample/fit.h"

um_status um_fit_bytes(um_unet_denoiser *d, const um_sample_settings *settings, int n,
                       double *bytes)
{
    const um_unet_config *c = um_unet_configuration(d->unet);
    const size_t size = (size_t)d->h * (size_t)d->w * (size_t)c->in_channels;
    const bool variance = um_unet_learns_variance(c);
    const um_guidance_settings *guidance = &settings->guidance;
    size_t activations;
    UM_TRY(um_unet_denoiser_bytes(d, um_guidance_at_once(guidance, n), &activations));
    *bytes = (double)activations + (double)um_sample_bytes(settings->sampler, size, n, variance) +
             (double)um_guidance_bytes(guidance, size, n, variance);
    return UM_OK;
}

um_status um_fit_batch(um_unet_denoiser *d, const um_sample_settings *settings, double room,
                       int most, int *batch, double *bytes)
{
    int fits = 0, too_many = most + 1;
    double least = 0.0;
    *bytes = 0.0;
    while (too_many - fits > 1) {
        const int n = fits + (too_many - fits) / 2;
        double needed;
        UM_TRY(um_fit_bytes(d, settings, n, &needed));
        if (needed <= room) fits = n, *bytes = needed;
        else too_many = n, least = needed;
    }
    if (fits == 0) *bytes = least;
    *batch = fits;
    return UM_OK;
}
