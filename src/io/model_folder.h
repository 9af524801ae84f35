/* SPDX-License-Identifier: MIT
 * model_folder.h - what people call a model: a run folder, a checkpoint folder (a diffusers
 * pipeline), or a lone UNet2DModel folder; and the scheduler_config.json that says how it was
 * trained. */
#ifndef UM_MODEL_FOLDER_H
#define UM_MODEL_FOLDER_H

#include "nn/unet.h"

/* One key of a scheduler_config.json, as text in our own words ("true", "linear", "0.02"; a list
 * "1,2,3"; "-Infinity", "Infinity" and "NaN" as Python writes them). */
typedef struct um_scheduler_key {
    const char *name, *text;
} um_scheduler_key;

enum { UM_SCHEDULER_KEYS_MAX = 64 };

/* A scheduler_config.json; zeroed: there is none. The list leaves out keys whose value is null, and
 * diffusers' own notes, which begin with an underscore. */
typedef struct um_scheduler_json {
    um_arena texts;
    struct json_t *root;    /* everything, as it was read */
    const char *class_name; /* "DDPMScheduler", "" where not said; NULL: there is none */
    const char *path;       /* what messages call it */
    um_scheduler_key keys[UM_SCHEDULER_KEYS_MAX];
    int count;
} um_scheduler_json;

/* Read one. UM_BAD_FILE for what is malformed. On failure *s is zeroed. */
um_status um_scheduler_json_read(um_ctx *ctx, um_scheduler_json *s, const char *path);

/* The text of a key, or NULL. */
const char *um_scheduler_json_get(const um_scheduler_json *s, const char *name);

/* Is the key there, with null for a value? */
bool um_scheduler_json_is_null(const um_scheduler_json *s, const char *name);

/* A list of numbers, taken from `to`; *count is 0 where there is no such key, or null. UM_BAD_FILE
 * for any other value. */
um_status um_scheduler_json_reals(um_ctx *ctx, const um_scheduler_json *s, const char *name,
                                  um_arena *to, const double **out, int *count);

/* Set a key of one that is made here; the texts are copied. Begin with um_scheduler_json_begin. */
um_status um_scheduler_json_begin(um_ctx *ctx, um_scheduler_json *s, const char *class_name);
um_status um_scheduler_json_set(um_ctx *ctx, um_scheduler_json *s, const char *name,
                                const char *text);
void um_scheduler_json_free(um_scheduler_json *s);

/* Write it, whole or not at all: what was read as it was read; what was set becomes true, false, a
 * number or a text, one with commas a list. UM_IO. */
um_status um_scheduler_json_write(um_ctx *ctx, const um_scheduler_json *s, const char *path);

/* Where the parts of a model are. Texts belong to the caller (um_model_folder_free). */
typedef struct um_model_folder {
    char *unet;      /* folder that holds config.json                        */
    char *scheduler; /* path of scheduler_config.json, NULL: there is none   */
    char *state;     /* folder with training_state.*, NULL: there is none    */
    bool has_raw;    /* diffusers' unet_ema is beside unet, which holds what trained */
} um_model_folder;

/* Look for the model at `path`: a run folder (its model/, else its newest checkpoints/step-*), a
 * checkpoint folder, a UNet2DModel folder, or what diffusers' training scripts write (a pipeline,
 * else the newest checkpoint-*). `raw`: the weights that trained are wanted, not their average: the
 * newest checkpoint of a run. UM_BAD_FILE says what was looked for. */
um_status um_model_folder_find(um_ctx *ctx, um_model_folder *out, const char *path, bool raw);
void um_model_folder_free(um_ctx *ctx, um_model_folder *folder);

/* Write into an existing folder what DDPMPipeline.from_pretrained and DDIMPipeline.from_pretrained
 * read: model_index.json, unet/, scheduler/scheduler_config.json. `values`: NULL for the network's
 * own. */
um_status um_pipeline_write(um_ctx *ctx, const char *folder, um_unet *unet, const um_real *values,
                            const char *dtype, const um_scheduler_json *scheduler);

#endif
