/* SPDX-License-Identifier: MIT
 * handles.h - what the public handles hold. */
#ifndef UM_HANDLES_H
#define UM_HANDLES_H

#include "base/need.h"
#include "config/config.h"
#include "diffusion/schedule.h"
#include "io/dataset.h"
#include "io/model_folder.h"
#include "nn/unet.h"
#include "sample/driver.h"
#include "tensor/precision.h"
#include "train/settings.h"
#include "unmist.h"

struct um_settings {
    um_ctx *ctx;
    um_config config;
};

struct um_model {
    um_ctx *ctx;
    um_unet *unet;
    bool check_nan;              /* run.check_nan when it was opened */
    um_precision precision;      /* sample.precision then */
    char *folder;                /* that holds config.json */
    um_scheduler_json scheduler; /* what scheduler_config.json says, if there is one */
};

/* Threads and kernels of the context, as the settings say. */
um_status um_apply_run_settings(um_ctx *ctx, const um_config *c);

/* From the settings table to the small structs of the floors below. */
um_status um_schedule_from_config(um_ctx *ctx, const um_config *c, um_schedule *out);
um_status um_sample_settings_from_config(um_ctx *ctx, const um_config *c, um_sample_settings *out);
um_status um_train_settings_from_config(um_ctx *ctx, const um_config *c, um_train_settings *out);
um_status um_unet_config_from_config(um_ctx *ctx, const um_config *c, int channels, int h, int w,
                                     int classes, um_unet_config *out);
um_dataset_options um_dataset_options_from_config(const um_config *c);

/* Let a model's scheduler_config.json speak: facts of its training always count; sampler options
 * only where its class is that of the chosen sampler, and only where neither file nor command line
 * gave a value. */
um_status um_config_adopt(um_ctx *ctx, um_config *c, const um_scheduler_json *scheduler);

/* Warn of each setting that someone gave in `asked` and that `c`, which has adopted, does not
 * follow. */
void um_config_tell_overruled(um_ctx *ctx, const um_config *asked, const um_config *c);

/* The facts of a model that a new training starts from: they count where neither file nor command
 * line says otherwise. */
um_status um_config_inherit(um_ctx *ctx, um_config *c, const um_scheduler_json *scheduler);

/* What a model trained with these settings says of itself. */
um_status um_scheduler_from_config(um_ctx *ctx, const um_config *c, um_scheduler_json *out);

/* The plan that the [sample] and [diffusion] settings give. Free with um_plan_free. */
um_status um_plan_from_config(um_ctx *ctx, const um_config *c, um_plan *plan);

/* Can images be drawn from such a network with these settings? UM_BAD_ARG says why not. */
um_status um_draw_network_check(um_ctx *ctx, const um_unet_config *network, const um_config *c);

/* Does it answer as many channels as it is shown, or twice as many for the variance too?
 * UM_BAD_ARG. */
um_status um_denoiser_channels_check(um_ctx *ctx, const um_unet_config *network);

/* Let the network, guided as the settings say, answer a request. */
um_status um_draw_request(um_ctx *ctx, um_unet *unet, const um_plan *plan, const um_config *c,
                          const um_sample_request *request, float *out);

/* How many of the request's images um_draw_request draws at once. */
um_status um_draw_batch(um_ctx *ctx, um_unet *unet, const um_plan *plan, const um_config *c,
                        const um_sample_request *request, int *batch);

/* Put steps into `c`, and a sampler where nobody has asked for one, that keep sample.budget, of
 * which the seconds since `begun` (um_seconds) are gone. `c` was adopted from `s`; hooks (NULL:
 * nobody) are told. */
um_status um_budget_keep(um_model *m, const um_settings *s, um_config *c, um_size size,
                         double begun, const um_sample_hooks *hooks);

/* Would um_draw take these settings, and could images of h x w be written to `path`? UM_BAD_ARG
 * says why not. *need is what both would take beside what is held. */
um_status um_draw_check(um_ctx *ctx, um_unet *unet, const um_config *config, int h, int w,
                        const char *path, um_need *need);

/* The images that the settings ask of a network, as a new handle. `config` has adopted what it
 * should. */
um_status um_draw(um_ctx *ctx, um_unet *unet, const um_config *config, int h, int w,
                  const um_sample_hooks *hooks, um_images **out);

/* A copy of the settings that has heard the model's scheduler, its texts in an arena of their own
 * (um_arena_free), and the size of the images that they ask of the model. */
um_status um_model_adopted(um_model *m, const um_settings *s, um_config *copy, um_size *size);

/* Note in drawn images what they came from: the model's folder, kernels, and the settings that
 * drawing (or editing, which reads more) read, as an INI text. */
um_status um_note_origin(um_images *images, const um_config *config, const char *model,
                         bool edited);

#endif
