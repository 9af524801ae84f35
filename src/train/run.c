/* SPDX-License-Identifier: MIT
 * run.c - the training loop. */
#include "train/run.h"

#include "train/run_record.h"

#include <stdio.h>

/* One call of um_train. */
typedef struct loop {
    um_ctx *ctx;
    const um_train_request *request;
    const um_train_settings *settings;
    um_trainer *trainer;
    um_feed feed;
    um_batch batch;
    um_progress progress;
    um_run_record record;
    um_validation validation;
    double began;           /* clock, less the seconds of earlier calls */
    double row_clock;       /* of the last row of log.csv */
    int64_t row_images;
    double call_began;
    int64_t call_images, call_step;
    int64_t next_images; /* the place in the run behind the present batch */
} loop;

static bool due(const loop *l, int every)
{
    return every > 0 && l->progress.step % every == 0;
}

static um_status save_checkpoint(loop *l, bool last)
{
    l->progress.seconds = um_seconds() - l->began;
    return um_run_record_checkpoint(&l->record, &l->progress, last);
}

/* The picture of this step, if it wants one; with `missing` only where there is none yet. */
static um_status draw_samples(loop *l, bool missing)
{
    if (!l->request->draw || !due(l, l->settings->sample_every)) return UM_OK;
    return um_run_record_picture(&l->record, l->progress.step, missing);
}

/* A classifier's training: its log has accuracies. */
static bool judges(const loop *l) { return um_unet_configuration(l->request->unet)->logits > 0; }

/* A row of its own for an update that was not made, with that step's loss and a learning rate of 0;
 * else the mean over the updates since the row before. */
static um_status log_row(loop *l, const um_guarded *step, const um_validation *validation)
{
    um_progress *p = &l->progress;
    const um_train_settings *s = l->settings;
    const bool last = p->step == s->steps;
    if (!due(l, s->log_every) && !validation->done && !(s->log_every && (last || !step->made)))
        return UM_OK;

    const double now = um_seconds();
    const um_log_row row = {
        .step = p->step,
        .images = p->images,
        .loss = step->made ? p->loss_sum / (double)p->loss_count : step->loss,
        .grad_norm = step->report.grad_norm,
        .lr = step->report.lr,
        .seconds = now - l->began,
        .validation = *validation,
        .accuracies = judges(l),
        .images_per_second = (double)(p->images - l->row_images) / (now - l->row_clock),
    };
    l->row_clock = now;
    l->row_images = p->images;
    if (step->made) {
        p->loss_sum = 0;
        p->loss_count = 0;
    }
    return um_run_record_row(&l->record, &row);
}

static double seconds_left(const loop *l, double rate)
{
    const um_train_settings *s = l->settings;
    const double steps = (double)(s->steps - l->progress.step) * s->batch / rate;
    const double limit = s->max_time - (um_seconds() - l->call_began);
    return s->max_time > 0 ? UM_MIN(steps, UM_MAX(limit, 0)) : steps;
}

static double call_rate(const loop *l)
{
    return (double)(l->progress.images - l->call_images) / (um_seconds() - l->call_began);
}

static void tell(const loop *l, double loss)
{
    if (!l->request->told) return;
    const um_progress *p = &l->progress;
    const double rate = call_rate(l);
    l->request->told(l->request->user, &(um_train_status){
        .step = p->step, .steps = l->settings->steps, .images_per_second = rate,
        .loss = p->loss_count ? p->loss_sum / (double)p->loss_count : loss,
        .seconds_left = seconds_left(l, rate), .validation = l->validation });
}

/* The next images, the update, the validation. */
static um_status learn(loop *l, um_guarded *step, um_validation *validation)
{
    um_progress *p = &l->progress;
    const um_train_settings *s = l->settings;
    UM_TRY(um_feed_training(&l->feed, p->images, &l->batch));
    l->next_images = p->images + l->batch.n;
    UM_TRY(um_guard_step(&p->guard, l->trainer, &l->batch, p->images, step));
    p->step++;
    p->images = l->next_images;
    if (step->made) {
        p->loss_sum += step->loss;
        p->loss_count++;
    }
    if (!due(l, s->validate_every) && !(p->step == s->steps && s->validate_every)) return UM_OK;
    UM_TRY(um_guard_validate(l->trainer, &l->feed, &l->batch, validation));
    l->validation = *validation;
    return UM_OK;
}

/* The weights are still those before the step: they are kept for who wants to see it again, or to
 * go on in another way. */
static um_status stop_before(loop *l)
{
    char why[UM_MESSAGE_MAX];
    snprintf(why, sizeof why, "%s", l->ctx->message);
    UM_TRY(save_checkpoint(l, true));
    const bool stops = l->settings->on_nan == UM_ON_NAN_STOP;
    return um_fail(l->ctx, UM_NOT_FINITE, "%s (--resume comes to this step again; %s goes on)", why,
                   stops ? "train.on_nan = skip or rollback"
                         : "another train.on_nan or train.on_nan_limit");
}

static um_status went_bad(loop *l, bool made)
{
    um_status status = UM_NOT_FINITE;
    if (l->settings->on_nan == UM_ON_NAN_ROLLBACK) {
        status = um_run_record_go_back(&l->record, &l->progress);
        if (status == UM_OK) l->progress.images = l->next_images; /* these do not come again */
    }
    return status == UM_NOT_FINITE && !made ? stop_before(l) : status;
}

static um_status one_step(loop *l)
{
    um_guarded step = { .made = false };
    um_validation validation = { .done = false };
    const int64_t before = l->progress.step;
    const um_status status = learn(l, &step, &validation);
    if (status == UM_NOT_FINITE) return went_bad(l, step.made || l->progress.step > before);
    UM_TRY(status);
    tell(l, step.loss);
    UM_TRY(log_row(l, &step, &validation));
    UM_TRY(draw_samples(l, false));
    if (!due(l, l->settings->checkpoint_every) &&
        !um_run_record_retries(&l->record, l->progress.step))
        return UM_OK;
    return save_checkpoint(l, false);
}

static bool out_of_time(const loop *l)
{
    return l->settings->max_time > 0 && um_seconds() - l->call_began >= l->settings->max_time;
}

/* Steps to the end. A stop on request may come between them or while a picture is drawn, which
 * resume then makes up for. */
static um_status run_steps(loop *l)
{
    um_status status = l->progress.step > 0 ? draw_samples(l, true) : UM_OK;
    while (status == UM_OK && l->progress.step < l->settings->steps && !out_of_time(l)) {
        status = um_check_cancelled(l->ctx);
        if (status == UM_OK) status = one_step(l);
    }
    if (status != UM_CANCELLED) return status;
    UM_TRY(save_checkpoint(l, true));
    UM_TRY(um_run_record_verdict(&l->record));
    return um_fail(l->ctx, UM_CANCELLED, "stopped on request");
}

/* A damaged checkpoint is not passed over in silence: to go on from an older one is for a person to
 * decide. */
static um_status load_checkpoint(loop *l, const char *folder, char **rows)
{
    um_progress found;
    um_status status = um_checkpoint_load(l->ctx, folder, l->trainer, &found);
    if (status == UM_OK) status = um_checkpoint_rows(l->ctx, folder, rows);
    if (status == UM_OK) l->progress = found;
    if (status == UM_OK) um_log(l->ctx, UM_LOG_INFO, "%s: goes on from here", folder);
    if (status != UM_BAD_FILE) return status;
    char why[UM_MESSAGE_MAX];
    snprintf(why, sizeof why, "%s", l->ctx->message);
    return um_fail(l->ctx, status,
                   "%s (to go on from the checkpoint before it, or from the start where there is "
                   "none, remove %s)", why, folder);
}

/* Where an earlier call left off, or step 0. */
static um_status find_start(loop *l)
{
    char *newest = NULL, *rows = NULL;
    if (l->request->resume) UM_TRY(um_checkpoint_newest(l->ctx, l->request->out, &newest));
    um_status status = newest ? load_checkpoint(l, newest, &rows) : UM_OK;
    const int64_t saved_step = newest ? l->progress.step : -1;
    um_free(l->ctx, newest);
    if (status == UM_OK)
        status = um_run_record_begin(&l->record, l->ctx, l->request, l->trainer, saved_step);
    if (status == UM_OK && rows) status = um_log_restore(&l->record.log, rows);
    um_free(l->ctx, rows);
    return status;
}

static um_status finish(loop *l)
{
    const bool done = l->progress.step >= l->settings->steps;
    const bool wanted = l->settings->checkpoint_every > 0 || l->record.log.waiting.n > 0;
    if (!done || wanted) UM_TRY(save_checkpoint(l, true));
    if (done) UM_TRY(um_run_record_model(&l->record));
    return um_run_record_verdict(&l->record);
}

/* All that will be taken from here to the end is known before the first step. */
static um_status open_trainer(loop *l)
{
    const um_train_request *r = l->request;
    um_need need = { 0 };
    UM_TRY(um_trainer_plan(&l->trainer, l->ctx, r->unet, r->schedule, r->settings, r->data->h,
                           r->data->w));
    um_trainer_need(l->trainer, &need);
    um_need_add(&need, "order of images", (double)r->data->count * sizeof *l->feed.order);
    const double file = (double)um_unet_params(r->unet)->numbers * sizeof(float); /* all at once */
    const bool draws = r->draw && r->settings->sample_every > 0;
    um_need_add(&need, "checkpoints and samples", draws ? UM_MAX(file, r->draw_bytes) : file);
    return um_trainer_ready(l->trainer, &need);
}

static um_status run(loop *l)
{
    const um_dataset *d = l->request->data;
    const um_train_settings *s = l->settings;
    UM_TRY(open_trainer(l));
    UM_TRY(um_batch_init(l->ctx, &l->batch, s->batch, (size_t)d->h * (size_t)d->w * (size_t)d->c));
    UM_TRY(um_feed_init(&l->feed, l->ctx, d, l->request->schedule,
                        um_trainer_timesteps(l->trainer), s));
    UM_TRY(find_start(l));
    l->call_began = l->row_clock = um_seconds();
    l->call_images = l->row_images = l->progress.images;
    l->call_step = l->progress.step;
    l->began = l->call_began - l->progress.seconds;
    if (l->request->begun) UM_TRY(l->request->begun(l->request->user));
    if (s->on_nan == UM_ON_NAN_ROLLBACK && l->progress.step == 0) UM_TRY(save_checkpoint(l, false));
    UM_TRY(run_steps(l));
    return finish(l);
}

um_status um_train(um_ctx *ctx, const um_train_request *request, um_train_result *result)
{
    loop l = { .ctx = ctx, .request = request, .settings = request->settings };
    l.began = l.call_began = um_seconds();
    *result = (um_train_result){ 0 };
    const um_status status = run(&l);
    const double rate = l.progress.images > l.call_images ? call_rate(&l) : 0;
    *result = (um_train_result){
        .step = l.progress.step, .images = l.progress.images, .seconds = um_seconds() - l.began,
        .started_at = l.call_step, .images_per_second = rate,
        .skipped = l.progress.guard.skipped, .rollbacks = l.progress.guard.rollbacks,
        .tape_bytes = l.trainer ? um_trainer_tape_bytes(l.trainer) : 0, .validation = l.validation,
        .finished = l.record.model_stands,
    };
    um_run_record_free(&l.record);
    um_feed_free(&l.feed);
    um_batch_free(ctx, &l.batch);
    um_trainer_close(&l.trainer);
    return status;
}
