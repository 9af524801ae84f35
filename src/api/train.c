/* SPDX-License-Identifier: MIT
 * train.c - a run folder: its lock, its settings, its network, and the training in it. */
#include "api/handles.h"
#include "api/images.h"
#include "api/output.h"

#include "io/dataset.h"
#include "io/file.h"
#include "io/folder.h"
#include "io/path.h"
#include "io/unet_file.h"
#include "tensor/kernels/kernels.h"
#include "train/run.h"
#include "train/run_record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

typedef struct session {
    um_ctx *ctx;
    um_config config; /* the caller's, and what the model of train.init has to say */
    const um_training_hooks *hooks;
    char *out;
    bool made; /* the folder was not there before */
    int lock;
    um_dataset data;
    um_schedule schedule;
    um_scheduler_json scheduler;
    um_unet *unet;
    um_train_settings train;
    um_need grid; /* of samples */
} session;

/* An flock on the folder itself: gone with the process, however it ends. */
static um_status lock_folder(session *s)
{
    const bool made = !um_path_exists(s->out);
    UM_TRY(um_folder_make(s->ctx, s->out));
    s->lock = open(s->out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->lock < 0) return um_fail(s->ctx, UM_IO, "%s: %s", s->out, strerror(errno));
    const bool ours = flock(s->lock, LOCK_EX | LOCK_NB) == 0;
    s->made = ours && made; /* another's new folder is not ours to remove, empty as it may be */
    if (ours) return UM_OK;
    if (errno != EWOULDBLOCK) return um_fail(s->ctx, UM_IO, "%s: %s", s->out, strerror(errno));
    return um_fail(s->ctx, UM_IO,
                   "%s: another training is at work in this folder (wait for it, or --out another)",
                   s->out);
}

/* The folder's own text of settings, if there is one, against ours. */
static um_status check_against_earlier(session *s, const char *path)
{
    um_config earlier;
    UM_TRY(um_config_init(s->ctx, &earlier));
    um_status status = um_config_read(s->ctx, &earlier, path);
    if (status == UM_OK) status = um_config_check_resume(s->ctx, &earlier, &s->config);
    um_config_free(&earlier);
    return status;
}

static um_status write_settings(const session *s)
{
    um_text text = { .ctx = s->ctx };
    char *path = NULL;
    um_status status = um_config_write(s->ctx, &s->config, &text);
    if (status == UM_OK) status = text.status;
    if (status == UM_OK) status = um_path_join(s->ctx, &path, s->out, "config.ini");
    if (status == UM_OK) status = um_file_write(s->ctx, path, text.data, text.n);
    um_free(s->ctx, path);
    um_text_free(&text);
    return status;
}

/* Is there a folder of this name in the run's? What is no folder is in the way: better told now
 * than after hours of training. */
static um_status has(session *s, const char *name, bool *found)
{
    char *path;
    UM_TRY(um_path_join(s->ctx, &path, s->out, name));
    *found = um_path_is_folder(path);
    const um_status status =
        *found || !um_path_exists(path) ? UM_OK
                                        : um_fail(s->ctx, UM_IO, "%s: is in the way (should be "
                                                  "a folder, or nothing)", path);
    um_free(s->ctx, path);
    return status;
}

/* What is there of an earlier run: a finished model, or at least a checkpoint. */
static um_status look_for_run(session *s, bool *begun, bool *finished)
{
    bool folder;
    char *newest;
    UM_TRY(has(s, "samples", &folder));
    UM_TRY(has(s, "checkpoints", &folder));
    UM_TRY(has(s, "model", finished));
    UM_TRY(um_checkpoint_newest(s->ctx, s->out, &newest));
    *begun = *finished || newest;
    um_free(s->ctx, newest);
    return UM_OK;
}

/* A folder with a run in it is gone on with only on request, and with the same settings. */
static um_status claim_folder(session *s, bool resume, bool *finished)
{
    bool begun;
    char *path;
    UM_TRY(look_for_run(s, &begun, finished));
    if (begun && !resume)
        return um_fail(s->ctx, UM_BAD_ARG,
                       "%s: holds a run already (--resume to go on with it, --out DIR for another)",
                       s->out);
    UM_TRY(um_path_join(s->ctx, &path, s->out, "config.ini"));
    um_status status = UM_OK;
    if (begun && um_path_exists(path)) status = check_against_earlier(s, path);
    um_free(s->ctx, path);
    return status;
}

/* A folder that will be written to: away with what a killed run left half-written (the lock says
 * that it is no one's), and does it take new files? */
static um_status ready(session *s, const char *path)
{
    if (!um_path_is_folder(path)) return UM_OK;
    UM_TRY(um_output_check(s->ctx, path, UM_OUTPUT_FOLDER));
    return um_folder_sweep(s->ctx, path);
}

static um_status ready_inside(session *s, const char *name)
{
    char *path;
    UM_TRY(um_path_join(s->ctx, &path, s->out, name));
    const um_status status = ready(s, path);
    um_free(s->ctx, path);
    return status;
}

static um_status inherit(session *s, const char *path)
{
    um_scheduler_json scheduler;
    UM_TRY(um_scheduler_json_read(s->ctx, &scheduler, path));
    um_status status = um_config_inherit(s->ctx, &s->config, &scheduler);
    /* config.ini cannot keep them for a resume */
    if (status == UM_OK && s->config.trained_betas)
        status = um_fail(s->ctx, UM_BAD_FILE,
                         "%s: trained_betas cannot be trained with (give diffusion.schedule)",
                         path);
    if (status == UM_OK) status = um_config_check(s->ctx, &s->config);
    um_scheduler_json_free(&scheduler);
    return status;
}

/* A path of the settings leads somewhere; else the error says which line gave it. */
static um_status there(session *s, int setting, const char *path)
{
    if (!*path || um_path_exists(path)) return UM_OK;
    um_fail(s->ctx, UM_BAD_FILE, "%s: %s", path, strerror(errno));
    return um_config_fail_at(s->ctx, &s->config, UM_BAD_FILE, setting);
}

/* The network of another model as the starting point: its shape counts, not [model], and its noise
 * where [diffusion] does not say otherwise. */
static um_status start_from_model(session *s)
{
    um_model_folder folder;
    if (!*s->config.train_init) return UM_OK;
    UM_TRY(there(s, UM_KEY_train_init, s->config.train_init));
    UM_TRY(um_model_folder_find(s->ctx, &folder, s->config.train_init, false));
    um_status status = um_unet_file_load(&s->unet, s->ctx, folder.unet);
    if (status == UM_OK && folder.scheduler) status = inherit(s, folder.scheduler);
    um_model_folder_free(s->ctx, &folder);
    return status;
}

static bool classifies(const session *s)
{
    return strcmp(s->config.train_task, "classifier") == 0;
}

/* A model of train.init may be of another kind. */
static um_status check_task(const session *s)
{
    const um_dataset *d = &s->data;
    const int logits = um_unet_configuration(s->unet)->logits;
    if (classifies(s) != (logits > 0))
        return um_fail(s->ctx, UM_BAD_ARG, "train.task = %s, but the model is a %s",
                       s->config.train_task, logits ? "classifier" : "denoiser");
    if (logits && (!d->labels || d->classes > logits))
        return um_fail(s->ctx, UM_BAD_ARG,
                       "the model tells %d classes apart, the images of %s have %d", logits,
                       s->config.data_path, d->labels ? d->classes : 0);
    return UM_OK;
}

static um_status build_network(session *s)
{
    const um_dataset *d = &s->data;
    um_unet_config c;
    if (!s->unet) {
        UM_TRY(um_unet_config_from_config(s->ctx, &s->config, d->c, d->h, d->w,
                                          d->labels ? d->classes : 0, &c));
        UM_TRY(um_unet_open(&s->unet, s->ctx, &c));
        um_params_initialise(um_unet_params(s->unet), s->config.run_seed);
    }
    const um_unet_config *u = um_unet_configuration(s->unet);
    UM_TRY(check_task(s));
    if (u->in_channels != d->c)
        return um_fail(s->ctx, UM_BAD_ARG, "the model has %d channels, the images of %s have %d",
                       u->in_channels, s->config.data_path, d->c);
    const int classes = um_unet_classes(u);
    if (u->class_embed_type == UM_CLASS_TABLE && (!d->labels || d->classes > classes))
        return um_fail(s->ctx, UM_BAD_ARG, "the model has %d classes, the images of %s have %d",
                       classes, s->config.data_path, d->labels ? d->classes : 0);
    if (s->config.train_label_dropout > 0 && !u->null_class)
        return um_fail(s->ctx, UM_BAD_ARG,
                       "train.label_dropout = %g, but the model has no null class "
                       "(\"_null_class\": true and one more of num_class_embeds, or 0)",
                       s->config.train_label_dropout);
    if (u->class_embed_type == UM_CLASS_IDENTITY)
        return um_fail(
            s->ctx, UM_BAD_ARG,
            "class_embed_type = identity: images bring class numbers, not embeddings (null)");
    UM_TRY(um_unet_size_check(s->ctx, u, d->h, d->w));
    um_unet_set_image_size(s->unet, d->h, d->w);
    return UM_OK;
}

/* The settings that the grids of samples are drawn with. */
static um_config grid_settings(const session *s)
{
    um_config c = s->config;
    c.sample_count = c.train_sample_count;
    c.sample_trajectory = 0;
    c.sample_budget = 0;
    c.sample_classifier = "";
    snprintf(c.sample_format, sizeof c.sample_format, "grid");
    return c;
}

static um_status prepare(session *s)
{
    const um_config *c = &s->config;
    const um_dataset_options options = um_dataset_options_from_config(c);
    if (!*c->data_path)
        return um_fail(s->ctx, UM_BAD_ARG, "data.path is not set (a folder or file of images)");
    UM_TRY(there(s, UM_KEY_model_config, c->model_config));
    UM_TRY(start_from_model(s));
    UM_TRY(um_train_settings_from_config(s->ctx, c, &s->train));
    UM_TRY(um_schedule_from_config(s->ctx, c, &s->schedule));
    UM_TRY(um_scheduler_from_config(s->ctx, c, &s->scheduler));
    UM_TRY(there(s, UM_KEY_data_path, c->data_path));
    UM_TRY(um_dataset_open(&s->data, s->ctx, c->data_path, &options));
    UM_TRY(build_network(s));
    if (!c->train_sample_every || classifies(s)) return UM_OK;
    const um_config grid = grid_settings(s);
    return um_draw_check(s->ctx, s->unet, &grid, s->data.h, s->data.w, "step.png", &s->grid);
}

static void describe(const session *s)
{
    const um_dataset *d = &s->data;
    char text[512];
    if (!s->hooks || !s->hooks->begun) return;
    snprintf(text, sizeof text,
             "%d image%s of %d x %d x %d, %d held out; %.2f M parameters; %s kernels, %d thread%s; "
             "seed %llu",
             d->count, d->count == 1 ? "" : "s", d->h, d->w, d->c, d->held,
             (double)um_unet_params(s->unet)->numbers / 1e6, s->ctx->kernels->isa, s->ctx->threads,
             s->ctx->threads == 1 ? "" : "s", (unsigned long long)s->config.run_seed);
    s->hooks->begun(s->hooks->user, s->out, text);
}

/* What was there stays as it is until the checkpoint has been read. */
static um_status begun(void *user)
{
    const session *s = user;
    UM_TRY(write_settings(s));
    describe(s);
    return UM_OK;
}

static void told(void *user, const um_train_status *status)
{
    const session *s = user;
    if (!s->hooks || !s->hooks->progress) return;
    s->hooks->progress(s->hooks->user, &(um_training_progress){
        .step = status->step, .steps = status->steps, .loss = status->loss,
        .images_per_second = status->images_per_second, .seconds_left = status->seconds_left,
        .validation = status->validation.loss });
}

/* The grid of samples that training shows of itself. */
static um_status draw(void *user, um_unet *unet, int64_t step, const char *path)
{
    const session *s = user;
    const um_config c = grid_settings(s);
    um_images *images;
    char at[32];
    UM_TRY(um_draw(s->ctx, unet, &c, s->data.h, s->data.w, NULL, &images));
    snprintf(at, sizeof at, "%lld", (long long)step);
    um_status status = um_note_origin(images, &c, s->out, false);
    if (status == UM_OK) status = um_images_note(images, "unmist.step", at);
    if (status == UM_OK) status = um_images_write(images, path, NULL, NULL);
    um_images_close(&images);
    return status;
}

static um_status train(session *s, bool resume, um_training_result *result)
{
    um_train_result r;
    const um_train_request request = {
        .settings = &s->train,
        .unet = s->unet,
        .schedule = &s->schedule,
        .data = &s->data,
        .scheduler = &s->scheduler,
        .out = s->out,
        .resume = resume,
        .begun = begun,
        .told = told,
        .draw = classifies(s) ? NULL : draw,
        .draw_bytes = um_need_bytes(&s->grid),
        .user = s,
    };
    const um_status status = um_train(s->ctx, &request, &r);
    result->step = r.step;
    result->images = r.images;
    result->started_at = r.started_at;
    result->skipped = r.skipped;
    result->rollbacks = r.rollbacks;
    result->finished = r.finished;
    result->seconds = r.seconds;
    result->images_per_second = r.images_per_second;
    result->tape_mib = (double)r.tape_bytes / 1048576.0;
    result->validation = r.validation.loss;
    result->accuracy = r.validation.accuracy;
    result->accuracy_at_0 = r.validation.accuracy_at_0;
    memcpy(result->quarter, r.validation.quarter, sizeof result->quarter);
    return status;
}

static um_status run(session *s, const char *out, bool resume, um_training_result *result)
{
    bool finished;
    const um_config *c = &s->config;
    UM_TRY(um_config_check(s->ctx, c));
    UM_TRY(um_apply_run_settings(s->ctx, c));
    if (out) UM_TRY(um_strdup(s->ctx, &s->out, out));
    else
        UM_TRY(um_path_join(s->ctx, &s->out, c->run_out, *c->run_name ? c->run_name : "unnamed"));
    snprintf(result->run, sizeof result->run, "%s", s->out);
    UM_TRY(prepare(s));
    UM_TRY(lock_folder(s));
    UM_TRY(claim_folder(s, resume, &finished));
    if (finished) {
        UM_TRY(um_run_record_late_rows(s->ctx, s->out, classifies(s)));
        result->finished = true;
        result->step = result->started_at = c->train_steps;
        result->images = result->step * c->train_batch;
        return UM_OK;
    }
    UM_TRY(ready(s, s->out));
    UM_TRY(ready_inside(s, "checkpoints"));
    UM_TRY(ready_inside(s, "samples"));
    return train(s, resume, result);
}

um_status um_train_run(um_settings *settings, const char *out, bool resume,
                       const um_training_hooks *hooks, um_training_result *result)
{
    um_ctx *ctx = settings->ctx;
    session s = { .ctx = ctx, .config = settings->config, .hooks = hooks, .lock = -1 };
    s.config.texts = (um_arena){ .ctx = ctx };
    *result = (um_training_result){ 0 };
    const um_status status = run(&s, out, resume, result);
    um_unet_close(&s.unet);
    um_dataset_close(&s.data);
    um_scheduler_json_free(&s.scheduler);
    um_schedule_free(ctx, &s.schedule);
    um_arena_free(&s.config.texts);
    if (status != UM_OK && s.made) rmdir(s.out); /* where nothing was written into it */
    if (s.lock >= 0) close(s.lock);
    um_free(ctx, s.out);
    return status;
}
