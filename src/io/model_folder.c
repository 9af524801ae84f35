/* SPDX-License-Identifier: MIT
 * model_folder.c - finding the parts of a model, and writing a pipeline. */
#include "io/model_folder.h"

#include "io/folder.h"
#include "io/json.h"
#include "io/path.h"
#include "io/pickle.h"
#include "io/unet_file.h"

/* folder/name in *out where it is there, else NULL. */
static um_status join_if(um_ctx *ctx, char **out, const char *folder, const char *name)
{
    UM_TRY(um_path_join(ctx, out, folder, name));
    if (um_path_exists(*out)) return UM_OK;
    um_free(ctx, *out);
    *out = NULL;
    return UM_OK;
}

/* Beside the network, flat with it, or, for a network that is a part of a pipeline and for a
 * checkpoint of diffusers' scripts, which has none, that of the pipeline above. */
static um_status take_scheduler(um_ctx *ctx, um_model_folder *out, const char *folder)
{
    UM_TRY(join_if(ctx, &out->scheduler, folder, "scheduler/scheduler_config.json"));
    if (!out->scheduler) UM_TRY(join_if(ctx, &out->scheduler, folder, "scheduler_config.json"));
    if (!out->scheduler && um_path_holds(folder, "../model_index.json"))
        UM_TRY(join_if(ctx, &out->scheduler, folder, "../scheduler/scheduler_config.json"));
    return UM_OK;
}

/* The parts of a pipeline folder, or of one that holds everything flat. diffusers' scripts keep the
 * moving average in unet_ema. */
static um_status take_parts(um_ctx *ctx, um_model_folder *out, const char *folder, bool raw)
{
    out->has_raw = um_path_holds(folder, "unet_ema/config.json");
    if (out->has_raw && !raw)
        UM_TRY(um_path_join(ctx, &out->unet, folder, "unet_ema"));
    else if (um_path_holds(folder, "unet/config.json"))
        UM_TRY(um_path_join(ctx, &out->unet, folder, "unet"));
    else
        UM_TRY(um_strdup(ctx, &out->unet, folder));
    UM_TRY(take_scheduler(ctx, out, folder));
    if (um_path_holds(folder, "training_state.json")) UM_TRY(um_strdup(ctx, &out->state, folder));
    return UM_OK;
}

static bool is_model(const char *folder)
{
    return um_path_holds(folder, "unet/config.json") || um_path_holds(folder, "config.json");
}

/* Of the models in a folder with names PREFIXn the one with the highest n, NULL where none is. */
static um_status newest_of(um_ctx *ctx, char **out, const char *folder, const char *prefix)
{
    um_names names;
    int64_t best = -1;
    *out = NULL;
    um_status status = um_folder_list(ctx, folder, &names);
    for (int i = 0; status == UM_OK && i < names.count; i++) {
        char *path = NULL;
        const int64_t step = um_path_number(names.name[i], prefix);
        if (step <= best) continue;
        status = um_path_join(ctx, &path, folder, names.name[i]);
        if (status == UM_OK && is_model(path)) {
            best = step;
            um_free(ctx, *out);
            *out = path;
        } else {
            um_free(ctx, path);
        }
    }
    um_names_free(ctx, &names);
    if (status != UM_OK) {
        um_free(ctx, *out);
        *out = NULL;
    }
    return status;
}

/* The newest whole checkpoint of a run in *out, NULL where there is none. */
static um_status newest_checkpoint(um_ctx *ctx, char **out, const char *run)
{
    char *folder;
    *out = NULL;
    UM_TRY(join_if(ctx, &folder, run, "checkpoints"));
    if (!folder) return UM_OK;
    const um_status status = newest_of(ctx, out, folder, "step-");
    um_free(ctx, folder);
    return status;
}

/* The folder with the model's parts in *out, NULL where path holds no model. */
static um_status model_at(um_ctx *ctx, char **out, const char *path, bool raw)
{
    *out = NULL;
    if (raw) {
        UM_TRY(newest_checkpoint(ctx, out, path));
        if (*out) return UM_OK;
    }
    if (is_model(path)) return um_strdup(ctx, out, path);
    if (um_path_holds(path, "model/unet/config.json")) return um_path_join(ctx, out, path, "model");
    UM_TRY(newest_checkpoint(ctx, out, path));
    return *out ? UM_OK : newest_of(ctx, out, path, "checkpoint-"); /* diffusers' scripts */
}

um_status um_model_folder_find(um_ctx *ctx, um_model_folder *out, const char *path, bool raw)
{
    char *folder;
    *out = (um_model_folder){ 0 };
    if (!um_path_exists(path)) return um_fail(ctx, UM_BAD_FILE, "%s: no such folder", path);
    UM_TRY(um_pickle_check(ctx, path));
    if (!um_path_is_folder(path))
        return um_fail(ctx, UM_BAD_FILE,
                       "%s: a file (a model is a folder: of a run, a checkpoint, a "
                       "pipeline or a UNet2DModel)",
                       path);
    UM_TRY(model_at(ctx, &folder, path, raw));
    if (!folder)
        return um_fail(ctx, UM_BAD_FILE,
                       "%s: no model here (looked for unet/config.json, config.json, "
                       "model/unet/config.json, checkpoints/step-*/unet/config.json and "
                       "checkpoint-*/unet/config.json)",
                       path);
    const um_status status = take_parts(ctx, out, folder, raw);
    um_free(ctx, folder);
    if (status != UM_OK) um_model_folder_free(ctx, out);
    return status;
}

void um_model_folder_free(um_ctx *ctx, um_model_folder *folder)
{
    um_free(ctx, folder->unet);
    um_free(ctx, folder->scheduler);
    um_free(ctx, folder->state);
    *folder = (um_model_folder){ 0 };
}

/* Both pipelines take a model_index.json that names DDPMPipeline: DDIMPipeline makes its own
 * scheduler of it. */
static um_status write_index(um_ctx *ctx, const char *path, const char *scheduler_class)
{
    json_t *root = json_pack("{s:s, s:s, s:[s,s], s:[s,s]}", "_class_name", "DDPMPipeline",
                             "_diffusers_version", "0.42.1", "unet", "diffusers", "UNet2DModel",
                             "scheduler", "diffusers", scheduler_class);
    const um_status status = um_json_save(ctx, root, path);
    json_decref(root);
    return status;
}

/* Paths inside the folder of a pipeline. */
enum { INDEX, UNET, CONFIG, SCHEDULER, SCHEDULER_CONFIG, PARTS };

static um_status write_parts(um_ctx *ctx, char *const path[PARTS], um_unet *unet,
                             const um_real *values, const char *dtype,
                             const um_scheduler_json *scheduler)
{
    if (!um_unet_configuration(unet)->logits) /* diffusers has no pipeline for a classifier */
        UM_TRY(write_index(ctx, path[INDEX],
                           *scheduler->class_name ? scheduler->class_name : "DDPMScheduler"));
    UM_TRY(um_folder_make(ctx, path[UNET]));
    UM_TRY(um_unet_file_write_config(ctx, um_unet_configuration(unet), path[CONFIG]));
    UM_TRY(um_unet_file_write_weights(ctx, unet, values, dtype, path[UNET]));
    UM_TRY(um_folder_make(ctx, path[SCHEDULER]));
    return um_scheduler_json_write(ctx, scheduler, path[SCHEDULER_CONFIG]);
}

um_status um_pipeline_write(um_ctx *ctx, const char *folder, um_unet *unet, const um_real *values,
                            const char *dtype, const um_scheduler_json *scheduler)
{
    static const char *const names[PARTS] = { "model_index.json", "unet", "unet/config.json",
                                              "scheduler", "scheduler/scheduler_config.json" };
    char *path[PARTS] = { 0 };
    um_status status = UM_OK;
    if (!scheduler->class_name) return um_fail(ctx, UM_BAD_ARG, "a pipeline without a scheduler");
    for (int i = 0; status == UM_OK && i < PARTS; i++)
        status = um_path_join(ctx, &path[i], folder, names[i]);
    if (status == UM_OK) status = write_parts(ctx, path, unet, values, dtype, scheduler);
    for (int i = 0; i < PARTS; i++) um_free(ctx, path[i]);
    return status;
}
