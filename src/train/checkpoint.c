/* SPDX-License-Identifier: MIT
 * checkpoint.c - the training state in files. */
#include "train/checkpoint.h"

#include "io/file.h"
#include "io/folder.h"
#include "io/json.h"
#include "io/path.h"
#include "io/safetensors_write.h"
#include "io/unet_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char numbers_name[] = "training_state.safetensors",
                  counters_name[] = "training_state.json";
enum { STATE_VERSION = 1, NAME_MAX_ = 320 };

/* The blocks of numbers that are kept, each under its prefix. */
typedef struct part {
    const char *prefix;
    um_real *block;
} part;

static void parts_of(um_trainer *trainer, part *parts)
{
    const um_optimizer_state *o = um_trainer_optimizer(trainer);
    parts[0] = (part){ "raw", um_unet_params(um_trainer_unet(trainer))->values };
    parts[1] = (part){ "m", o->m };
    parts[2] = (part){ "v", o->v };
}

static void stored_shape(const um_param *p, int64_t shape[4])
{
    const int sizes[4] = { p->shape.n, p->shape.h, p->shape.w, p->shape.c };
    for (int i = 0; i < 4; i++) shape[i] = sizes[i];
}

/* What is kept of the losses of each timestep, where they decide which are drawn. */
static const struct kept {
    const char *name;
    int columns;
} history = { "timesteps.history", UM_LOSS_HISTORY }, count = { "timesteps.count", 1 };

static void add_losses(um_tensors_out *out, const um_timestep_sampler *s, const struct kept *what,
                       const float *values)
{
    const int64_t shape[2] = { s->timesteps, what->columns };
    um_tensors_floats(out, what->name, UM_STORED_F32, 2, shape, values);
}

static um_status save_numbers(um_ctx *ctx, const char *path, um_trainer *trainer)
{
    const um_params *params = um_unet_params(um_trainer_unet(trainer));
    part parts[3];
    parts_of(trainer, parts);
    um_tensors_out out;
    um_tensors_begin(&out, ctx);
    um_tensors_text(&out, "layout", "unmist: [kh, kw, in, out], [1, 1, in, out], [1, 1, 1, c]");
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < params->count; i++) {
            const um_param *p = params->list[i];
            char name[NAME_MAX_];
            int64_t shape[4];
            snprintf(name, sizeof name, "%s.%s", parts[k].prefix, p->name);
            stored_shape(p, shape);
            um_tensors_floats(&out, name, UM_STORED_F32, 4, shape,
                              parts[k].block + um_params_offset(params, p));
        }
    const um_timestep_sampler *s = um_trainer_timesteps(trainer);
    if (s->kind != UM_TIMESTEPS_UNIFORM) {
        add_losses(&out, s, &history, s->history);
        add_losses(&out, s, &count, s->count);
    }
    return um_tensors_commit(&out, path);
}

static um_status load_losses(um_ctx *ctx, const um_safetensors *st, const um_timestep_sampler *s,
                             const struct kept *what, float *values)
{
    const int64_t shape[2] = { s->timesteps, what->columns };
    const um_stored *stored;
    UM_TRY(um_safetensors_get(st, what->name, &stored));
    if (!um_stored_has_shape(stored, 2, shape))
        return um_fail(ctx, UM_BAD_FILE, "%s: %s should have the shape [%d, %d]", st->path,
                       what->name, s->timesteps, what->columns);
    return um_stored_floats(ctx, stored, values, stored->count);
}

static um_status load_timesteps(um_ctx *ctx, const char *path, um_timestep_sampler *s)
{
    um_safetensors st;
    if (s->kind == UM_TIMESTEPS_UNIFORM) return UM_OK;
    UM_TRY(um_safetensors_open(&st, ctx, path));
    um_status status = load_losses(ctx, &st, s, &history, s->history);
    if (status == UM_OK) status = load_losses(ctx, &st, s, &count, s->count);
    um_safetensors_close(&st);
    UM_TRY(status);
    return um_timestep_sampler_restore(ctx, s) == UM_OK ? UM_OK
                                                        : um_fail_at(ctx, UM_BAD_FILE, "%s", path);
}

/* Read "prefix.NAME" of every parameter into block. */
static um_status load_part(um_ctx *ctx, const um_safetensors *st, const um_params *params,
                           const part *from)
{
    for (int i = 0; i < params->count; i++) {
        const um_param *p = params->list[i];
        const um_stored *stored;
        char name[NAME_MAX_];
        int64_t shape[4];
        snprintf(name, sizeof name, "%s.%s", from->prefix, p->name);
        stored_shape(p, shape);
        UM_TRY(um_safetensors_get(st, name, &stored));
        if (!um_stored_has_shape(stored, 4, shape))
            return um_fail(ctx, UM_BAD_FILE, "%s: %s has not the model's shape [%d, %d, %d, %d]",
                           st->path, name, p->shape.n, p->shape.h, p->shape.w, p->shape.c);
        UM_TRY(um_stored_weights(ctx, stored, from->block + um_params_offset(params, p),
                                 stored->count));
    }
    return UM_OK;
}

static um_status save_counters(um_ctx *ctx, const char *path, const um_progress *p)
{
    json_t *root =
        json_pack("{s:i, s:I, s:I, s:f, s:f, s:I, s:s*}", "version", STATE_VERSION, "step",
                  (json_int_t)p->step, "images", (json_int_t)p->images, "seconds", p->seconds,
                  "loss_sum", p->loss_sum, "loss_count", (json_int_t)p->loss_count,
                  "log_rows", p->rows);
    const um_status status = um_json_save(ctx, root, path);
    json_decref(root);
    return status;
}

/* The counters of a run with these settings: what one of them says of another must hold. */
static um_status load_counters(um_ctx *ctx, const char *path, const um_train_settings *s,
                               um_progress *p)
{
    um_json j;
    *p = (um_progress){ 0 };
    UM_TRY(um_json_load(&j, ctx, path));
    um_json_int(&j, "version", STATE_VERSION, STATE_VERSION);
    p->step = um_json_int(&j, "step", 0, s->steps);
    const int64_t images = p->step * s->batch;
    p->images = um_json_int(&j, "images", images, images);
    p->seconds = um_json_real(&j, "seconds");
    p->loss_sum = um_json_real(&j, "loss_sum");
    p->loss_count = um_json_int(&j, "loss_count", 0, p->step);
    const um_status status = j.status;
    um_json_close(&j);
    return status;
}

static um_status load_rows(um_ctx *ctx, const char *path, char **rows)
{
    um_json j;
    UM_TRY(um_json_load(&j, ctx, path));
    const char *text = um_json_text_or(&j, "log_rows", NULL);
    um_status status = j.status;
    if (status == UM_OK && text) status = um_strdup(ctx, rows, text);
    um_json_close(&j);
    return status;
}

/* Call `use` with the path of `name` in `folder`. */
#define WITH_PATH(ctx, folder, name, path, call)                         \
    do {                                                                 \
        char *path;                                                      \
        UM_TRY(um_path_join(ctx, &path, folder, name));                  \
        const um_status with_ = (call);                                  \
        um_free(ctx, path);                                              \
        UM_TRY(with_);                                                   \
    } while (0)

static um_status write_model(um_ctx *ctx, const char *folder, um_trainer *trainer,
                             const um_scheduler_json *scheduler)
{
    return um_pipeline_write(ctx, folder, um_trainer_unet(trainer),
                             um_trainer_optimizer(trainer)->ema, "f32", scheduler);
}

static um_status write_state(um_ctx *ctx, const char *folder, um_trainer *trainer,
                             const um_progress *progress)
{
    WITH_PATH(ctx, folder, numbers_name, path, save_numbers(ctx, path, trainer));
    WITH_PATH(ctx, folder, counters_name, path, save_counters(ctx, path, progress));
    return UM_OK;
}

/* What is not finite never stands where a good checkpoint could. */
static um_status check_finite(um_ctx *ctx, const char *folder, um_trainer *trainer)
{
    const um_params *params = um_unet_params(um_trainer_unet(trainer));
    part parts[4];
    parts_of(trainer, parts);
    parts[3] = (part){ "average", um_trainer_optimizer(trainer)->ema };
    for (int k = 0; k < 4; k++) {
        const um_param *bad =
            parts[k].block ? um_params_not_finite(params, parts[k].block) : NULL;
        if (bad)
            return um_fail(ctx, UM_NOT_FINITE, "%s: not written: %s.%s is not finite", folder,
                           parts[k].prefix, bad->name);
    }
    return UM_OK;
}

um_status um_checkpoint_save(um_ctx *ctx, const char *folder, um_trainer *trainer,
                             const um_scheduler_json *scheduler, const um_progress *progress)
{
    char *temp;
    UM_TRY(check_finite(ctx, folder, trainer));
    UM_TRY(um_folder_begin(ctx, folder, &temp));
    um_status status = write_model(ctx, temp, trainer, scheduler);
    if (status == UM_OK) status = write_state(ctx, temp, trainer, progress);
    if (status == UM_OK) return um_folder_commit(ctx, folder, &temp);
    um_folder_abandon(ctx, &temp);
    return status;
}

um_status um_checkpoint_save_model(um_ctx *ctx, const char *folder, um_trainer *trainer,
                                   const um_scheduler_json *scheduler)
{
    char *temp;
    UM_TRY(um_folder_begin(ctx, folder, &temp));
    const um_status status = write_model(ctx, temp, trainer, scheduler);
    if (status == UM_OK) return um_folder_commit(ctx, folder, &temp);
    um_folder_abandon(ctx, &temp);
    return status;
}

static um_status load_numbers(um_ctx *ctx, const char *path, const um_params *params,
                              const part *parts, int n)
{
    um_safetensors st;
    UM_TRY(um_safetensors_open(&st, ctx, path));
    um_status status = UM_OK;
    for (int i = 0; i < n && status == UM_OK; i++) status = load_part(ctx, &st, params, &parts[i]);
    um_safetensors_close(&st);
    return status;
}

um_status um_checkpoint_load(um_ctx *ctx, const char *folder, um_trainer *trainer,
                             um_progress *progress)
{
    um_optimizer_state *o = um_trainer_optimizer(trainer);
    um_unet *unet = um_trainer_unet(trainer);
    const um_params *params = um_unet_params(unet);
    part parts[3];
    parts_of(trainer, parts);
    WITH_PATH(ctx, folder, counters_name, path, load_counters(ctx, path, o->settings, progress));
    if (o->ema) { /* the model's weights are the average; they pass through the network's values */
        WITH_PATH(ctx, folder, "unet", path, um_unet_file_read_weights(ctx, unet, path));
        memcpy(o->ema, params->values, params->padded * sizeof *o->ema);
    }
    WITH_PATH(ctx, folder, numbers_name, path, load_numbers(ctx, path, params, parts, 3));
    WITH_PATH(ctx, folder, numbers_name, path,
              load_timesteps(ctx, path, um_trainer_timesteps(trainer)));
    o->step = progress->step;
    return UM_OK;
}

um_status um_checkpoint_rows(um_ctx *ctx, const char *folder, char **rows)
{
    *rows = NULL;
    WITH_PATH(ctx, folder, counters_name, path, load_rows(ctx, path, rows));
    return UM_OK;
}

um_status um_checkpoint_load_raw(um_ctx *ctx, const char *folder, um_unet *unet)
{
    const um_params *params = um_unet_params(unet);
    const part raw = { "raw", params->values };
    WITH_PATH(ctx, folder, numbers_name, path, load_numbers(ctx, path, params, &raw, 1));
    return UM_OK;
}

/* The step in "step-0001000", -1 for any other name. */
static long long step_of(const char *name)
{
    char *end;
    errno = 0;
    if (strncmp(name, "step-", 5) != 0 || name[5] < '0' || name[5] > '9') return -1;
    const long long step = strtoll(name + 5, &end, 10);
    return *end || errno ? -1 : step;
}

um_status um_checkpoint_newest(um_ctx *ctx, const char *run, char **out)
{
    *out = NULL;
    char *folder;
    UM_TRY(um_path_join(ctx, &folder, run, "checkpoints"));
    um_names names = { 0 };
    um_status status = um_path_is_folder(folder) ? um_folder_list(ctx, folder, &names) : UM_OK;
    int best = -1;
    for (int i = 0; i < names.count; i++)
        if (step_of(names.name[i]) >= 0 &&
            (best < 0 || step_of(names.name[i]) > step_of(names.name[best])))
            best = i;
    if (best >= 0) status = um_path_join(ctx, out, folder, names.name[best]);
    um_names_free(ctx, &names);
    um_free(ctx, folder);
    return status;
}

um_status um_checkpoint_prune(um_ctx *ctx, const char *run, int keep)
{
    char *folder;
    UM_TRY(um_path_join(ctx, &folder, run, "checkpoints"));
    um_names names = { 0 };
    um_status status = um_folder_list(ctx, folder, &names);
    if (status == UM_BAD_FILE) status = UM_IO;
    for (int i = 0; i < names.count && keep > 0 && status == UM_OK; i++) {
        int newer = 0;
        for (int k = 0; k < names.count; k++)
            newer += step_of(names.name[k]) > step_of(names.name[i]);
        if (step_of(names.name[i]) < 0 || newer < keep) continue;
        char *old;
        status = um_path_join(ctx, &old, folder, names.name[i]);
        if (status == UM_OK) status = um_folder_discard(ctx, old);
        um_free(ctx, old);
    }
    um_names_free(ctx, &names);
    um_free(ctx, folder);
    return status;
}
