/* SPDX-License-Identifier: MIT
 * validate.c - sums of losses by quarter. */
#include "train/validate.h"

/* One walk over the held-out images. */
typedef struct walk {
    um_trainer *trainer;
    um_feed *feed;
    um_batch *batch;
    int most; /* images */
    double *losses;
    bool *right; /* of a batch; NULL: not asked for */
    double sum[4];
    int count[4], hits;
} walk;

static void add_up(walk *w)
{
    for (int i = 0; i < w->batch->n; i++) {
        const int quarter = 4 * w->batch->t[i] / w->feed->schedule->timesteps;
        w->sum[quarter] += w->losses[i];
        w->count[quarter]++;
        if (w->right) w->hits += w->right[i];
    }
}

/* At the timesteps of the feed, or at 0. */
static um_status go_over(walk *w, bool at_0)
{
    const int size = w->batch->n;
    um_status status = UM_OK;
    for (int first = 0; first < w->most && status == UM_OK; first += size) {
        w->batch->n = UM_MIN(size, w->most - first);
        status = um_feed_validation(w->feed, first, w->batch);
        for (int i = 0; i < w->batch->n && at_0; i++) w->batch->t[i] = 0;
        if (status == UM_OK) status = um_trainer_losses(w->trainer, w->batch, w->losses, w->right);
        if (status == UM_OK) add_up(w);
    }
    w->batch->n = size;
    return status;
}

static void sum_up(const walk *w, um_validation *out)
{
    double total = 0;
    for (int q = 0; q < 4; q++) {
        total += w->sum[q];
        out->quarter[q] = w->count[q] ? w->sum[q] / w->count[q] : 0;
    }
    out->done = w->most > 0;
    out->loss = w->most > 0 ? total / w->most : 0;
    out->accuracy = w->most > 0 ? (double)w->hits / w->most : 0;
}

um_status um_validate(um_trainer *trainer, um_feed *feed, const um_train_settings *settings,
                      um_batch *batch, um_validation *out)
{
    um_ctx *ctx = feed->ctx;
    const int held = feed->data->held, size = batch->n;
    const int most = settings->validation_images ? UM_MIN(settings->validation_images, held) : held;
    const bool judges = um_unet_configuration(um_trainer_unet(trainer))->logits > 0;
    double *losses;
    bool *right = NULL;
    *out = (um_validation){ .done = false };
    UM_TRY(um_alloc(ctx, &losses, (size_t)size, sizeof *losses, "losses"));
    um_status status = UM_OK;
    if (judges) status = um_alloc(ctx, &right, (size_t)size, sizeof *right, "losses");

    walk noised = { trainer, feed, batch, most, losses, right, .hits = 0 }, clean = noised;
    um_trainer_swap_ema(trainer);
    if (status == UM_OK) status = go_over(&noised, false);
    if (status == UM_OK && judges) status = go_over(&clean, true);
    um_trainer_swap_ema(trainer);
    um_free(ctx, losses);
    um_free(ctx, right);
    UM_TRY(status);
    sum_up(&noised, out);
    out->accuracy_at_0 = most > 0 ? (double)clean.hits / most : 0;
    return UM_OK;
}
