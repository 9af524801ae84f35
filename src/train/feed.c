/* SPDX-License-Identifier: MIT
 * feed.c - data position and random streams. */
#include "train/feed.h"

#include "base/random.h"
#include "diffusion/noising.h"

um_status um_feed_init(um_feed *feed, um_ctx *ctx, const um_dataset *data,
                       const um_schedule *schedule, const um_timestep_sampler *timesteps,
                       const um_train_settings *settings)
{
    *feed = (um_feed){ .ctx = ctx, .data = data, .schedule = schedule, .timesteps = timesteps,
                       .seed = settings->seed, .flip = settings->flip,
                       .label_dropout = settings->label_dropout, .epoch = -1 };
    return um_alloc(ctx, &feed->order, (size_t)data->count, sizeof *feed->order,
                    "the order of images");
}

void um_feed_free(um_feed *feed)
{
    if (feed->ctx) um_free(feed->ctx, feed->order);
    *feed = (um_feed){ 0 };
}

/* The image at `position`, in the order of its epoch. */
static uint32_t image_at(um_feed *feed, int64_t position)
{
    const int64_t count = feed->data->count, epoch = position / count;
    if (epoch != feed->epoch) {
        const um_random r = { feed->seed, UM_STREAM_SHUFFLE, (uint64_t)epoch };
        um_random_permutation(&r, feed->order, (uint32_t)count);
        feed->epoch = epoch;
    }
    return feed->order[position % count];
}

/* Chosen image by image: dropout of the class makes one network learn both predictions that
 * classifier-free guidance needs (Ho & Salimans 2022, algorithm 1). */
static bool label_drops(const um_feed *feed, uint64_t position)
{
    const um_random r = { feed->seed, UM_STREAM_LABEL, position };
    return feed->label_dropout > 0 && um_random_uniform(&r, 0) < feed->label_dropout;
}

um_status um_feed_training(um_feed *feed, int64_t position, um_batch *batch)
{
    const um_dataset *d = feed->data;
    const size_t image = (size_t)d->h * (size_t)d->w * (size_t)d->c;
    for (int i = 0; i < batch->n; i++) {
        const uint64_t at = (uint64_t)(position + i);
        const uint32_t index = image_at(feed, position + i);
        const bool flip =
            feed->flip &&
            um_random_uniform(&(um_random){ feed->seed, UM_STREAM_FLIP, at }, 0) < 0.5;
        UM_TRY(um_dataset_batch(d, &index, &flip, 1, batch->x0 + (size_t)i * image,
                                &batch->labels[i]));
        if (label_drops(feed, at)) batch->labels[i] = -1;
        batch->t[i] =
            um_timestep_sampler_draw(feed->timesteps, feed->seed, at, &batch->weights[i]);
        um_noise_normal(feed->seed, at, batch->noise + (size_t)i * image, image);
    }
    return UM_OK;
}

um_status um_feed_validation(um_feed *feed, int first, um_batch *batch)
{
    const um_dataset *d = feed->data;
    const size_t image = (size_t)d->h * (size_t)d->w * (size_t)d->c;
    const int T = feed->schedule->timesteps;
    for (int i = 0; i < batch->n; i++) {
        const int number = first + i;
        const uint32_t index = (uint32_t)(d->count + number);
        const um_random r = { feed->seed, UM_STREAM_VALIDATION, (uint64_t)number };
        UM_TRY(
            um_dataset_batch(d, &index, NULL, 1, batch->x0 + (size_t)i * image, &batch->labels[i]));
        const double t = T * (number % 4 + um_random_uniform(&r, UINT32_MAX)) / 4;
        batch->t[i] = UM_MIN((int)t, T - 1); /* rounding may reach T */
        batch->weights[i] = 1;
        um_random_normal(&r, batch->noise + (size_t)i * image, image);
    }
    return UM_OK;
}

size_t um_batch_bytes(int n, size_t image)
{
    const um_batch *b;
    return (size_t)n * (image * (sizeof *b->x0 + sizeof *b->noise) + sizeof *b->t +
                        sizeof *b->labels + sizeof *b->weights);
}

um_status um_batch_init(um_ctx *ctx, um_batch *batch, int n, size_t image)
{
    const size_t count = (size_t)n * image;
    *batch = (um_batch){ .n = n };
    um_status status = um_alloc(ctx, &batch->x0, count, sizeof *batch->x0, "a batch");
    if (status == UM_OK)
        status = um_alloc(ctx, &batch->noise, count, sizeof *batch->noise, "a batch");
    if (status == UM_OK) status = um_alloc(ctx, &batch->t, (size_t)n, sizeof *batch->t, "a batch");
    if (status == UM_OK)
        status = um_alloc(ctx, &batch->labels, (size_t)n, sizeof *batch->labels, "a batch");
    if (status == UM_OK)
        status = um_alloc(ctx, &batch->weights, (size_t)n, sizeof *batch->weights, "a batch");
    for (int i = 0; i < n && status == UM_OK; i++) batch->weights[i] = 1;
    if (status != UM_OK) um_batch_free(ctx, batch);
    return status;
}

void um_batch_free(um_ctx *ctx, um_batch *batch)
{
    um_free(ctx, batch->x0);
    um_free(ctx, batch->noise);
    um_free(ctx, batch->t);
    um_free(ctx, batch->labels);
    um_free(ctx, batch->weights);
    *batch = (um_batch){ 0 };
}
