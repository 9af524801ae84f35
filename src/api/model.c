/* SPDX-License-Identifier: MIT
 * model.c - a network from a folder, and what can be said about it. */
#include "api/handles.h"
#include "api/output.h"

#include "io/folder.h"
#include "io/path.h"
#include "io/unet_file.h"
#include "tensor/kernels/kernels.h"
#include "train/checkpoint.h"

#include <stdlib.h>
#include <string.h>

static um_status load(um_model *m, const um_model_folder *folder, const char *path, bool raw)
{
    UM_TRY(um_strdup(m->ctx, &m->folder, folder->unet));
    UM_TRY(um_unet_file_load(&m->unet, m->ctx, folder->unet));
    if (folder->scheduler) UM_TRY(um_scheduler_json_read(m->ctx, &m->scheduler, folder->scheduler));
    if (!raw || folder->has_raw) return UM_OK;
    if (!folder->state)
        return um_fail(m->ctx, UM_BAD_FILE,
                       "%s: sample.weights = raw needs training_state.safetensors, which only "
                       "checkpoints of a run have, or unet_ema beside unet "
                       "(sample.weights = ema)",
                       path);
    return um_checkpoint_load_raw(m->ctx, folder->state, m->unet);
}

um_status um_model_open(um_model **m, um_ctx *ctx, const char *path, um_settings *s)
{
    const bool raw = strcmp(s->config.sample_weights, "raw") == 0;
    um_model_folder folder;
    *m = NULL;
    UM_TRY(um_apply_run_settings(ctx, &s->config));
    UM_TRY(um_model_folder_find(ctx, &folder, path, raw));
    um_status status = um_alloc(ctx, m, 1, sizeof **m, "a model");
    if (status == UM_OK) {
        (*m)->ctx = ctx;
        (*m)->check_nan = s->config.run_check_nan;
        status = um_choice_parse(ctx, um_precisions, "sample.precision",
                                 s->config.sample_precision, &(*m)->precision);
        if (status == UM_OK) status = load(*m, &folder, path, raw);
    }
    um_model_folder_free(ctx, &folder);
    if (status != UM_OK) um_model_close(m);
    else um_log(ctx, UM_LOG_INFO, "%s: %.2f M parameters; %s kernels, %d thread%s", (*m)->folder,
                (double)um_unet_params((*m)->unet)->numbers / 1e6, ctx->kernels->isa, ctx->threads,
                ctx->threads == 1 ? "" : "s");
    return status;
}

void um_model_close(um_model **m)
{
    if (!*m) return;
    um_unet_close(&(*m)->unet);
    um_scheduler_json_free(&(*m)->scheduler);
    um_free((*m)->ctx, (*m)->folder);
    um_free((*m)->ctx, *m);
    *m = NULL;
}

/* A fact of the model's training, or what diffusers takes where it is not said. */
static const char *fact(const um_model *m, const char *key, const char *otherwise)
{
    const char *text = um_scheduler_json_get(&m->scheduler, key);
    return text ? text : otherwise;
}

static int64_t multiply_adds(const um_model *m, int h, int w)
{
    um_tape *t;
    if (um_tape_open(&t, m->ctx) != UM_OK) return 0;
    const um_status status = um_unet_record(t, m->unet, 1, h, w);
    const double cost = status == UM_OK ? um_tape_cost(t) : 0;
    um_tape_close(&t);
    return (int64_t)cost;
}

void um_model_describe(const um_model *m, um_model_facts *out)
{
    const um_unet_config *c = um_unet_configuration(m->unet);
    const um_params *p = um_unet_params(m->unet);
    *out = (um_model_facts){
        .channels = c->in_channels,
        .out_channels = c->out_channels,
        .h = c->sample_h,
        .w = c->sample_w,
        .classes = um_unet_classes(c),
        .null_class = c->null_class,
        .tensors = p->count,
        .numbers = (int64_t)p->numbers,
        .timesteps = (int)strtol(fact(m, "num_train_timesteps", "1000"), NULL, 10),
        .folder = m->folder,
        .schedule = fact(m, "trained_betas", NULL) ? "trained_betas"
                                                   : fact(m, "beta_schedule", "linear"),
        .prediction = fact(m, "prediction_type", "epsilon"),
    };
    if (c->sample_h) out->multiply_adds = multiply_adds(m, c->sample_h, c->sample_w);
}

bool um_model_parameter(const um_model *m, int i, const char **name, int *rank, int64_t shape[4])
{
    const um_params *p = um_unet_params(m->unet);
    if (i < 0 || i >= p->count) return false;
    *name = p->list[i]->name;
    *rank = um_param_file_shape(p->list[i], shape);
    return true;
}

/* A folder that is there is replaced only where nothing but a pipeline would be lost with it: never
 * a run, nor a checkpoint with its training state. */
static um_status check_replaced(um_ctx *ctx, const char *path)
{
    static const char *const parts[] = { "model_index.json", "scheduler", "unet" };
    um_names names = { 0 };
    if (!um_path_exists(path)) return UM_OK;
    UM_TRY(um_folder_list(ctx, path, &names));
    um_status status = UM_OK;
    for (int i = 0; i < names.count && status == UM_OK; i++) {
        bool known = false;
        for (size_t k = 0; k < UM_COUNT(parts); k++) known |= strcmp(names.name[i], parts[k]) == 0;
        if (!known)
            status = um_fail(ctx, UM_IO, "%s: holds %s, which would be lost (a new folder)", path,
                             names.name[i]);
    }
    um_names_free(ctx, &names);
    return status;
}

/* A network that came without a scheduler gets the one of default settings. */
static um_status ensure_scheduler(um_model *m)
{
    um_config defaults;
    if (m->scheduler.class_name) return UM_OK;
    UM_TRY(um_config_init(m->ctx, &defaults));
    const um_status status = um_scheduler_from_config(m->ctx, &defaults, &m->scheduler);
    um_config_free(&defaults);
    return status;
}

um_status um_model_export(um_model *m, const char *path, const char *dtype)
{
    char *temp;
    UM_TRY(um_output_check(m->ctx, path, UM_OUTPUT_FOLDER));
    UM_TRY(check_replaced(m->ctx, path));
    UM_TRY(ensure_scheduler(m));
    UM_TRY(um_folder_begin(m->ctx, path, &temp));
    const um_status status = um_pipeline_write(m->ctx, temp, m->unet, NULL, dtype, &m->scheduler);
    if (status == UM_OK) return um_folder_commit(m->ctx, path, &temp);
    um_folder_abandon(m->ctx, &temp);
    return status;
}
