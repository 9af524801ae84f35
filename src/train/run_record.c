/* SPDX-License-Identifier: MIT
 * run_record.c - writing, and bearing with what cannot be written. */
#include "train/run_record.h"

#include "io/folder.h"
#include "io/path.h"

#include <stdio.h>
#include <unistd.h>

enum { ROWS, PICTURE, CHECKPOINT, MODEL, KINDS };

static const char *const kinds[KINDS] = { "rows of log.csv", "the last picture",
                                          "the last checkpoint", "the model" };

/* How a write of this kind ended. A disk that is full for an hour must not cost days of training:
 * what could not be written is a warning that says what follows. */
static um_status settle(um_run_record *r, int kind, um_status status, const char *what_follows)
{
    const unsigned bit = 1u << kind;
    const bool known = kind == ROWS && r->failing & bit; /* one warning, not one for each row */
    if (status == UM_IO && !known)
        um_log(r->ctx, UM_LOG_WARNING, "%s (%s)", r->ctx->message, what_follows);
    if (status == UM_IO) r->failing |= bit;
    if (status == UM_OK) r->failing &= ~bit;
    return status == UM_IO ? UM_OK : status;
}

static um_status settle_rows(um_run_record *r, um_status status)
{
    return settle(r, ROWS, status, "training goes on; the rows wait until they can be written");
}

/* "OUT/checkpoints/step-0001000" and its like. */
static um_status step_path(const um_run_record *r, char **path, const char *folder, int64_t step,
                           const char *ending)
{
    char name[64];
    snprintf(name, sizeof name, "%s/step-%07lld%s", folder, (long long)step, ending);
    return um_path_join(r->ctx, path, r->request->out, name);
}

um_status um_run_record_begin(um_run_record *r, um_ctx *ctx, const um_train_request *request,
                          um_trainer *trainer, int64_t saved_step)
{
    const bool accuracies = um_unet_configuration(request->unet)->logits > 0;
    char *path;
    *r = (um_run_record){ .ctx = ctx, .request = request, .trainer = trainer,
                          .saved_step = saved_step };
    UM_TRY(um_path_join(ctx, &path, request->out, "log.csv"));
    const um_status status = um_log_begin(&r->log, ctx, path, UM_MAX(saved_step, 0), accuracies);
    um_free(ctx, path);
    return status;
}

void um_run_record_free(um_run_record *r)
{
    um_log_free(&r->log);
    *r = (um_run_record){ 0 };
}

um_status um_run_record_row(um_run_record *r, const um_log_row *row)
{
    return settle_rows(r, um_log_append(&r->log, row));
}

static um_status draw_to(um_run_record *r, int64_t step, const char *path)
{
    const um_train_request *q = r->request;
    char *folder;
    UM_TRY(um_path_join(r->ctx, &folder, q->out, "samples"));
    um_status status = um_folder_make(r->ctx, folder);
    um_free(r->ctx, folder);
    if (status == UM_OK) {
        um_trainer_swap_ema(r->trainer);
        status = q->draw(q->user, q->unet, step, path);
        um_trainer_swap_ema(r->trainer);
    }
    if (status == UM_OK) um_log(r->ctx, UM_LOG_INFO, "%s: written", path);
    return settle(r, PICTURE, status, "training goes on without this picture");
}

/* One that is there is of a step that was gone back behind, or of a process that was killed: where
 * drawing is cut short, it must not stand for the one that is missing. */
um_status um_run_record_picture(um_run_record *r, int64_t step, bool missing)
{
    char *path;
    UM_TRY(step_path(r, &path, "samples", step, ".png"));
    const bool stands = um_path_exists(path);
    if (stands && !missing) unlink(path);
    const um_status status = stands && missing ? UM_OK : draw_to(r, step, path);
    um_free(r->ctx, path);
    return status;
}

bool um_run_record_retries(const um_run_record *r, int64_t step)
{
    return r->retry_step > 0 && step >= r->retry_step;
}

/* Soon, then in twice as many steps each time: a short fault costs a step or two, a long one hardly
 * any work. */
static void saved(um_run_record *r, int64_t step, um_status status)
{
    if (status == UM_OK) {
        r->saved_step = step;
        r->retry_gap = r->retry_step = 0;
    } else {
        r->retry_gap = UM_MAX(1, 2 * r->retry_gap);
        r->retry_step = step + r->retry_gap;
    }
}

/* Where one could not be written: then, or when the next is due before. */
static int64_t next_try(const um_run_record *r, int64_t step)
{
    const um_train_settings *s = r->request->settings;
    const int every = s->checkpoint_every;
    const int64_t due = every ? step - step % every + every : s->steps;
    return UM_MIN(UM_MIN(r->retry_step, due), s->steps);
}

/* What a person wants to know then. */
static void newest(const um_run_record *r, char *text, size_t size)
{
    if (r->saved_step < 0) snprintf(text, size, "there is no checkpoint yet");
    else snprintf(text, size, "the newest checkpoint is of step %lld", (long long)r->saved_step);
}

um_status um_run_record_checkpoint(um_run_record *r, const um_progress *p, bool last)
{
    const um_train_request *q = r->request;
    char *path, there[64], what_follows[160];
    if (r->saved_step == p->step) return UM_OK;
    UM_TRY(settle_rows(r, um_log_flush(&r->log))); /* the checkpoint stands for rows up to here */
    UM_TRY(step_path(r, &path, "checkpoints", p->step, ""));
    um_progress kept = *p;
    kept.rows = r->log.waiting.n ? r->log.waiting.data : NULL;
    um_status status = um_checkpoint_save(r->ctx, path, r->trainer, q->scheduler, &kept);
    const bool first = r->retry_step == 0;
    saved(r, p->step, status);
    if (status == UM_OK)
        um_log(r->ctx, first ? UM_LOG_INFO : UM_LOG_WARNING, "%s: written%s", path,
               first ? "" : " after all");
    um_free(r->ctx, path);
    newest(r, there, sizeof there);
    if (last) snprintf(what_follows, sizeof what_follows, "%s", there);
    else
        snprintf(what_follows, sizeof what_follows, "training goes on; next try at step %lld; %s",
                 (long long)next_try(r, p->step), there);
    const bool stands = status == UM_OK;
    UM_TRY(settle(r, CHECKPOINT, status, what_follows));
    const bool returns = q->settings->on_nan == UM_ON_NAN_ROLLBACK;
    if (stands)
        status = um_checkpoint_prune(r->ctx, q->out, q->settings->keep,
                                     returns ? q->settings->checkpoint_every : -1);
    if (stands && status == UM_IO)
        um_log(r->ctx, UM_LOG_WARNING, "%s (an older checkpoint stays)", r->ctx->message);
    return status == UM_IO ? UM_OK : status;
}

/* Checkpoints go before rows: wherever this is cut short, what is left is a run that was killed. */
static um_status go_back_to(um_run_record *r, const char *folder, int64_t step, um_progress *p)
{
    um_progress then;
    UM_TRY(um_checkpoint_load(r->ctx, folder, r->trainer, &then));
    then.guard.skipped = p->guard.skipped; /* these go on counting */
    then.guard.rollbacks = p->guard.rollbacks;
    then.guard.returns = p->guard.returns;
    then.guard.target = p->guard.target;
    *p = then;
    UM_TRY(um_checkpoint_forget(r->ctx, r->request->out, step));
    r->saved_step = step;
    r->retry_gap = r->retry_step = 0;
    return um_log_cut(&r->log, step);
}

um_status um_run_record_go_back(um_run_record *r, um_progress *p)
{
    const um_train_settings *s = r->request->settings;
    char *folder, why[UM_MESSAGE_MAX];
    int64_t step;
    snprintf(why, sizeof why, "%s", r->ctx->message);
    UM_TRY(um_checkpoint_regular(r->ctx, r->request->out, s->checkpoint_every, &folder, &step));
    if (!folder) /* train.keep has removed it, when train.on_nan was another */
        UM_TRY(um_checkpoint_regular(r->ctx, r->request->out, -1, &folder, &step));
    um_fail(r->ctx, UM_NOT_FINITE, "%s%s", why,
            folder ? "" : "; there is no checkpoint to go back to");
    um_status status = folder ? um_guard_return(&p->guard, r->ctx, s, step) : UM_NOT_FINITE;
    if (status == UM_OK) status = go_back_to(r, folder, step, p);
    um_free(r->ctx, folder);
    return status;
}

um_status um_run_record_model(um_run_record *r)
{
    char *path;
    UM_TRY(um_path_join(r->ctx, &path, r->request->out, "model"));
    const um_status status =
        um_checkpoint_save_model(r->ctx, path, r->trainer, r->request->scheduler);
    um_free(r->ctx, path);
    r->model_stands = status == UM_OK;
    return settle(r, MODEL, status, "training is done");
}

um_status um_run_record_verdict(um_run_record *r)
{
    char list[160] = "", there[64];
    int n = 0;
    UM_TRY(settle_rows(r, um_log_flush(&r->log)));
    if (!r->failing) return UM_OK;
    for (int kind = 0; kind < KINDS; kind++)
        if (r->failing & 1u << kind)
            n += snprintf(list + n, sizeof list - (size_t)n, "%s%s", n ? ", " : "", kinds[kind]);
    newest(r, there, sizeof there);
    const unsigned lost = 1u << ROWS | 1u << CHECKPOINT;
    const bool kept = (r->failing & lost) == 1u << ROWS;
    return um_fail(r->ctx, UM_IO, "%s: could not be written: %s (%s%s)", r->request->out, list,
                   there, kept ? ", with these rows: --resume writes them" : "");
}

um_status um_run_record_late_rows(um_ctx *ctx, const char *out, bool accuracies)
{
    um_log_file log = { 0 };
    char *newest_one, *rows = NULL, *path = NULL;
    UM_TRY(um_checkpoint_newest(ctx, out, &newest_one));
    um_status status = newest_one ? um_checkpoint_rows(ctx, newest_one, &rows) : UM_OK;
    um_free(ctx, newest_one);
    if (status == UM_BAD_FILE) { /* the run is finished all the same */
        um_log(ctx, UM_LOG_WARNING, "%s (rows that log.csv may lack are lost)", ctx->message);
        status = UM_OK;
    }
    if (status == UM_OK && rows) {
        status = um_path_join(ctx, &path, out, "log.csv");
        if (status == UM_OK) status = um_log_begin(&log, ctx, path, INT64_MAX, accuracies);
        if (status == UM_OK) status = um_log_restore(&log, rows);
        if (status == UM_OK) status = um_log_flush(&log);
    }
    um_log_free(&log);
    um_free(ctx, path);
    um_free(ctx, rows);
    return status;
}
