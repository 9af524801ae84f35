/* SPDX-License-Identifier: MIT
 * checkpoint.c - the training state in files. */
#include "train/checkpoint.h"

#include "io/file.h"
#include "io/folder.h"
#include "io/json.h"
#include "io/path.h"
#include "io/safetensors_write.h"
#include "io/unet_file.h"

#include <stdio.h>
#include <string.h>

static const char numbers_name[] = "training_state.safetensors",
                  counters_name[] = "training_state.json";
enum { STATE_VERSION = 1, NAME_MAX_ = 320 };
static const int64_t count_max = (int64_t)1 << 60; /* counting on from there does not overflow */

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

static um_status save_counters(um_ctx *ctx, const char *path, const um_progress *p,
                               int64_t updates)
{
    const um_guard *g = &p->guard;
    json_t *root = json_pack(
        "{s:i, s:I, s:I, s:f, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:s*}",
        "version", STATE_VERSION, "step", (json_int_t)p->step, "images", (json_int_t)p->images,
        "seconds", p->seconds, "loss_sum", p->loss_sum, "loss_count", (json_int_t)p->loss_count,
        "updates", (json_int_t)updates, "skipped", (json_int_t)g->skipped, "skipped_in_row",
        (json_int_t)g->skipped_in_row, "rollbacks", (json_int_t)g->rollbacks, "returns",
        (json_int_t)g->returns, "target", (json_int_t)g->target, "losses", (json_int_t)g->losses,
        "loss_mean", g->loss_mean, "loss_variance", g->loss_variance, "log_rows", p->rows);
    const um_status status = um_json_save(ctx, root, path);
    json_decref(root);
    return status;
}

/* Absent in what was written before there was a guard: nothing has gone bad. */
static void load_guard(um_json *j, um_guard *g)
{
    g->skipped = um_json_int_or(j, "skipped", 0, 0, count_max);
    g->skipped_in_row = um_json_int_or(j, "skipped_in_row", 0, 0, g->skipped);
    g->rollbacks = um_json_int_or(j, "rollbacks", 0, 0, count_max);
    g->returns = um_json_int_or(j, "returns", 0, 0, g->rollbacks);
    g->target = um_json_int_or(j, "target", 0, 0, count_max);
    g->losses = um_json_int_or(j, "losses", 0, 0, count_max);
    g->loss_mean = um_json_real_or(j, "loss_mean", 0);
    g->loss_variance = um_json_real_or(j, "loss_variance", 0);
    if (g->loss_variance < 0) um_json_fail(j, "loss_variance", "is negative (a mean of squares)");
}

/* The counters of a run with these settings: what one of them says of another must hold. */
static um_status load_counters(um_ctx *ctx, const char *path, const um_train_settings *s,
                               um_progress *p, int64_t *updates)
{
    um_json j;
    *p = (um_progress){ 0 };
    UM_TRY(um_json_load(&j, ctx, path));
    um_json_int(&j, "version", STATE_VERSION, STATE_VERSION);
    p->step = um_json_int(&j, "step", 0, s->steps);
    load_guard(&j, &p->guard);
    const int64_t images = p->step * s->batch;
    p->images = um_json_int(&j, "images", images, p->guard.rollbacks ? count_max : images);
    if (p->images % s->batch != 0)
        um_json_fail(&j, "images", "is no multiple of train.batch = %d", s->batch);
    p->seconds = um_json_real(&j, "seconds");
    p->loss_sum = um_json_real(&j, "loss_sum");
    p->loss_count = um_json_int(&j, "loss_count", 0, p->step);
    *updates = um_json_int_or(&j, "updates", p->step, 0, p->step);
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
    WITH_PATH(ctx, folder, counters_name, path,
              save_counters(ctx, path, progress, um_trainer_optimizer(trainer)->updates));
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
    int64_t updates = 0;
    WITH_PATH(ctx, folder, counters_name, path,
              load_counters(ctx, path, o->settings, progress, &updates));
    if (o->ema) { /* the model's weights are the average; they pass through the network's values */
        WITH_PATH(ctx, folder, "unet", path, um_unet_file_read_weights(ctx, unet, path));
        memcpy(o->ema, params->values, params->padded * sizeof *o->ema);
    }
    WITH_PATH(ctx, folder, numbers_name, path, load_numbers(ctx, path, params, parts, 3));
    WITH_PATH(ctx, folder, numbers_name, path,
              load_timesteps(ctx, path, um_trainer_timesteps(trainer)));
    o->step = progress->step;
    o->updates = updates;
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
