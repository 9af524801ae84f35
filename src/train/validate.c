/* SPDX-License-Identifier: MIT
 * validate.c - sums of losses by quarter. */
#include "train/validate.h"

um_status um_validate(um_trainer *trainer, um_feed *feed, const um_train_settings *settings,
                      um_batch *batch, um_validation *out)
{
    um_ctx *ctx = feed->ctx;
    const int held = feed->data->held, size = batch->n;
    const int most = settings->validation_images ? UM_MIN(settings->validation_images, held) : held;
    double sum[4] = { 0 }, *losses;
    int count[4] = { 0 };
    *out = (um_validation){ .done = false };
    UM_TRY(um_alloc(ctx, &losses, (size_t)size, sizeof *losses, "losses"));

    um_trainer_swap_ema(trainer);
    um_status status = UM_OK;
    for (int first = 0; first < most && status == UM_OK; first += size) {
        batch->n = UM_MIN(size, most - first);
        status = um_feed_validation(feed, first, batch);
        if (status == UM_OK) status = um_trainer_losses(trainer, batch, losses);
        for (int i = 0; i < batch->n && status == UM_OK; i++) {
            const int quarter = 4 * batch->t[i] / feed->schedule->timesteps;
            sum[quarter] += losses[i];
            count[quarter]++;
        }
    }
    um_trainer_swap_ema(trainer);
    batch->n = size;
    um_free(ctx, losses);
    UM_TRY(status);

    double total = 0;
    for (int q = 0; q < 4; q++) {
        total += sum[q];
        out->quarter[q] = count[q] ? sum[q] / count[q] : 0;
    }
    out->done = most > 0;
    out->loss = most > 0 ? total / most : 0;
    return UM_OK;
}
