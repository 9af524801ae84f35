/* SPDX-License-Identifier: MIT
 * bench.c - from settings and a path to the network that is timed. */
#include "api/handles.h"

#include "base/cpu.h"
#include "io/path.h"
#include "io/unet_file.h"
#include "study/bench.h"
#include "study/kernel_bench.h"
#include "tensor/kernels/kernels.h"

#include <stdio.h>
#include <string.h>

/* What images have where neither model nor settings say. */
enum { BATCH = 16, SIDE = 32, CHANNELS = 3, CLASSES = 10 };

/* A network on the bench. */
typedef struct bench {
    um_ctx *ctx;
    um_config config; /* the caller's, with the defaults of a bench */
    um_unet *unet;
    um_schedule schedule;
    um_train_settings train;
} bench;

static bool given(const um_config *c, int key) { return c->origin[key].source != UM_FROM_DEFAULT; }

static void set_defaults(um_config *c)
{
    if (!given(c, UM_KEY_train_batch)) c->train_batch = BATCH;
    if (!given(c, UM_KEY_sample_batch)) c->sample_batch = BATCH;
    if (!given(c, UM_KEY_train_ema_decay)) c->train_ema_decay = 0;
}

/* A model is its own description: [model] beside it would do nothing. */
static um_status check_model_alone(bench *b, const char *model)
{
    for (int i = 0; i < UM_CONFIG_COUNT; i++)
        if (strcmp(um_config_settings[i].section, "model") == 0 && given(&b->config, i))
            return um_fail(b->ctx, UM_BAD_ARG, "model.%s does nothing beside the model %s "
                           "(one of the two)", um_config_settings[i].key, model);
    b->config.model_config = model; /* so that the rules of [model] are not asked */
    return UM_OK;
}

static um_status initialise(bench *b, const um_unet_config *c)
{
    UM_TRY(um_unet_open(&b->unet, b->ctx, c));
    um_params_initialise(um_unet_params(b->unet), b->config.run_seed);
    return UM_OK;
}

static um_status open_described(bench *b, const char *config_json)
{
    um_unet_config c;
    UM_TRY(um_unet_file_read_config(b->ctx, &c, config_json));
    return initialise(b, &c);
}

/* A config.json that has no weights beside it is a description alone. */
static um_status open_folder(bench *b, const char *folder)
{
    um_names names;
    char *path;
    bool weights = false;
    static const char start[] = "diffusion_pytorch_model";
    UM_TRY(um_folder_list(b->ctx, folder, &names));
    for (int i = 0; i < names.count; i++)
        weights |= strncmp(names.name[i], start, sizeof start - 1) == 0;
    um_names_free(b->ctx, &names);
    if (weights) return um_unet_file_load(&b->unet, b->ctx, folder);
    UM_TRY(um_path_join(b->ctx, &path, folder, "config.json"));
    const um_status status = open_described(b, path);
    um_free(b->ctx, path);
    return status;
}

static um_status inherit(bench *b, const char *path)
{
    um_scheduler_json scheduler;
    UM_TRY(um_scheduler_json_read(b->ctx, &scheduler, path));
    const um_status status = um_config_inherit(b->ctx, &b->config, &scheduler);
    um_scheduler_json_free(&scheduler);
    return status;
}

static um_status open_model(bench *b, const char *model)
{
    um_model_folder folder;
    if (um_path_is_file(model)) return open_described(b, model);
    UM_TRY(um_model_folder_find(b->ctx, &folder, model, false));
    um_status status = open_folder(b, folder.unet);
    if (status == UM_OK && folder.scheduler) status = inherit(b, folder.scheduler);
    um_model_folder_free(b->ctx, &folder);
    return status;
}

static um_status open_settings_model(bench *b)
{
    um_unet_config c;
    const um_size asked = b->config.data_image_size;
    const um_size size = asked.h ? asked : (um_size){ SIDE, SIDE };
    UM_TRY(um_unet_config_from_config(b->ctx, &b->config, CHANNELS, size.h, size.w, CLASSES, &c));
    return initialise(b, &c);
}

static um_status prepare(bench *b, const char *model)
{
    um_config *c = &b->config;
    set_defaults(c);
    if (model) UM_TRY(check_model_alone(b, model));
    UM_TRY(um_config_check(b->ctx, c));
    UM_TRY(um_apply_run_settings(b->ctx, c));
    UM_TRY(model ? open_model(b, model) : open_settings_model(b));
    UM_TRY(um_config_check(b->ctx, c)); /* once more, with what the model had to say */
    UM_TRY(um_train_settings_from_config(b->ctx, c, &b->train));
    return um_schedule_from_config(b->ctx, c, &b->schedule);
}

static um_size size_of(const bench *b)
{
    const um_unet_config *u = um_unet_configuration(b->unet);
    if (b->config.data_image_size.h) return b->config.data_image_size;
    return u->sample_h ? (um_size){ u->sample_h, u->sample_w } : (um_size){ SIDE, SIDE };
}

static void describe(const bench *b, const um_bench_request *r, const char *model,
                     um_bench_result *out)
{
    const um_config *c = &b->config;
    snprintf(out->model, sizeof out->model, "%s", model ? model : "");
    snprintf(out->isa, sizeof out->isa, "%s", b->ctx->kernels->isa);
    snprintf(out->precision, sizeof out->precision, "%s",
             r->train ? c->train_precision : c->sample_precision);
    um_cpu_name(out->cpu, sizeof out->cpu);
    out->parameters = (int64_t)um_unet_params(b->unet)->numbers;
    out->h = r->h;
    out->w = r->w;
    out->channels = um_unet_configuration(b->unet)->in_channels;
    out->threads = b->ctx->threads;
    out->batch = r->batch;
    out->reps = r->options->reps;
}

static um_status run(bench *b, um_bench_kind kind, const char *model,
                     const um_bench_options *options, um_bench_result *out)
{
    UM_TRY(prepare(b, model));
    const um_config *c = &b->config;
    const um_size size = size_of(b);
    const bool train = kind == UM_BENCH_TRAIN;
    um_precision precision;
    UM_TRY(um_choice_parse(b->ctx, um_precisions, "sample.precision", c->sample_precision,
                           &precision));
    const um_bench_request request = {
        .unet = b->unet,
        .h = size.h,
        .w = size.w,
        .batch = train ? c->train_batch : c->sample_batch,
        .seed = c->run_seed,
        .check_nan = c->run_check_nan,
        .precision = precision,
        .train = train ? &b->train : NULL,
        .schedule = &b->schedule,
        .options = options,
    };
    describe(b, &request, model, out);
    return um_bench_run(b->ctx, &request, out);
}

um_status um_bench_model(um_settings *s, um_bench_kind kind, const char *model,
                         const um_bench_options *options, um_bench_result *out)
{
    bench b = { .ctx = s->ctx, .config = s->config };
    b.config.texts = (um_arena){ .ctx = s->ctx };
    *out = (um_bench_result){ 0 };
    const um_status status = run(&b, kind, model, options, out);
    if (status != UM_OK) *out = (um_bench_result){ 0 };
    um_unet_close(&b.unet);
    um_schedule_free(b.ctx, &b.schedule);
    um_arena_free(&b.config.texts);
    return status;
}

um_status um_bench_kernels(um_settings *s, const char *kernel, int reps,
                           const um_bench_kernel_hooks *hooks)
{
    const um_config *c = &s->config;
    um_precision precision;
    UM_TRY(um_config_check(s->ctx, c));
    UM_TRY(um_apply_run_settings(s->ctx, c));
    UM_TRY(um_choice_parse(s->ctx, um_precisions, "train.precision", c->train_precision,
                           &precision));
    const um_kernel_bench_request request = {
        .isa = c->run_isa,
        .kernel = kernel,
        .batch = given(c, UM_KEY_train_batch) ? c->train_batch : BATCH,
        .reps = reps,
        .precision = precision,
        .hooks = hooks,
    };
    return um_kernel_bench_run(s->ctx, &request);
}
