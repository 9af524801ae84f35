/* SPDX-License-Identifier: MIT
 * tiny.h - a network, images and settings so small that a training of some steps takes no time. */
#ifndef UM_TINY_H
#define UM_TINY_H

#include <string.h>

#include "support/check.h"
#include "tensor/kernels/kernels.h"
#include "train/run.h"

enum { TINY_SIDE = 4, TINY_IMAGE = TINY_SIDE * TINY_SIDE, TINY_COUNT = 10, TINY_HELD = 7 };

typedef struct tiny {
    um_ctx *ctx;
    uint8_t pixels[(TINY_COUNT + TINY_HELD) * TINY_IMAGE];
    um_dataset data;
    um_schedule schedule;
    um_scheduler_json scheduler;
    um_train_settings settings;
    um_unet *unet;
} tiny;

static inline um_train_settings tiny_settings(void)
{
    return (um_train_settings){
        .seed = 5, .steps = 12, .batch = 4, .accumulate = 1, .flip = true,
        .loss = um_loss_defaults(), .optimizer = UM_ADAMW, .lr = 2e-3, .beta1 = 0.9,
        .beta2 = 0.999, .eps = 1e-8, .weight_decay = 1e-2, .clip_norm = 1,
        .lr_schedule = UM_LR_COSINE, .warmup = 3, .ema_decay = 0.99, .ema_warmup = true,
        .ema_inv_gamma = 1, .ema_power = 0.75, .log_every = 1, .validate_every = 4,
    };
}

static inline um_unet_config tiny_config(int channels)
{
    um_unet_config c;
    um_unet_config_default(&c);
    c.sample_h = c.sample_w = TINY_SIDE;
    c.in_channels = c.out_channels = 1;
    c.levels = 2;
    for (int i = 0; i < c.levels; i++) {
        c.channels[i] = channels;
        c.down_attention[i] = c.up_attention[i] = false;
    }
    c.layers_per_block = 1;
    c.norm_num_groups = 2;
    c.add_attention = false;
    c.dropout = 0.1;
    return c;
}

/* Image i is even in all its pixels but the first of each row, so that one can tell which it is and
 * whether it is mirrored. */
static inline void tiny_images(tiny *t)
{
    for (int i = 0; i < TINY_COUNT + TINY_HELD; i++)
        for (int k = 0; k < TINY_IMAGE; k++)
            t->pixels[i * TINY_IMAGE + k] = k % TINY_SIDE == 0 ? 255 : (uint8_t)(10 * i);
    t->data = (um_dataset){ .ctx = t->ctx, .format = "test", .count = TINY_COUNT,
                            .held = TINY_HELD, .h = TINY_SIDE, .w = TINY_SIDE, .c = 1,
                            .pixels = t->pixels };
}

/* Everything but the network, which needs the context's kernels; *t may hold anything. */
static inline um_status tiny_begin(tiny *t, um_ctx *ctx)
{
    um_schedule_settings linear = um_schedule_defaults();
    memset(t, 0, sizeof *t);
    linear.timesteps = 100;
    t->ctx = ctx;
    t->settings = tiny_settings();
    tiny_images(t);
    UM_TRY(um_schedule_init(ctx, &t->schedule, &linear));
    UM_TRY(um_scheduler_json_begin(ctx, &t->scheduler, "DDPMScheduler"));
    return um_scheduler_json_set(ctx, &t->scheduler, "num_train_timesteps", "100");
}

/* The network at its initial values, `channels` wide. */
static inline um_status tiny_network(tiny *t, int channels)
{
    const um_unet_config c = tiny_config(channels);
    UM_TRY(um_kernels_choose(t->ctx, "auto"));
    UM_TRY(um_unet_open(&t->unet, t->ctx, &c));
    um_params_initialise(um_unet_params(t->unet), t->settings.seed);
    return UM_OK;
}

/* What its steps take; give it back with tiny_rest before tiny_end. */
static inline um_status tiny_work(tiny *t, um_trainer **trainer, um_feed *feed, um_batch *batch)
{
    UM_TRY(um_trainer_open(trainer, t->ctx, t->unet, &t->schedule, &t->settings, TINY_SIDE,
                           TINY_SIDE));
    UM_TRY(um_feed_init(feed, t->ctx, &t->data, &t->schedule, um_trainer_timesteps(*trainer),
                        &t->settings));
    return um_batch_init(t->ctx, batch, t->settings.batch, TINY_IMAGE);
}

static inline void tiny_rest(tiny *t, um_trainer **trainer, um_feed *feed, um_batch *batch)
{
    um_feed_free(feed);
    um_batch_free(t->ctx, batch);
    um_trainer_close(trainer);
}

static inline void tiny_end(tiny *t)
{
    um_unet_close(&t->unet);
    um_scheduler_json_free(&t->scheduler);
    um_schedule_free(t->ctx, &t->schedule);
}

#endif
