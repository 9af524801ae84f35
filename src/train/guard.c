/* SPDX-License-Identifier: MIT
 * guard.c - judging a step before its update is made, and once more after. */
#include "train/guard.h"

#include <math.h>
#include <stdio.h>

void um_guard_learn(um_guard *g, double loss)
{
    g->losses++;
    const double a = 1.0 / (double)UM_MIN(g->losses, UM_SPIKE_WINDOW);
    const double d = loss - g->loss_mean;
    g->loss_mean += a * d;
    g->loss_variance = (1 - a) * (g->loss_variance + a * d * d);
}

double um_guard_zscore(const um_guard *g, double loss)
{
    const double above = loss - g->loss_mean;
    if (g->losses < UM_SPIKE_WINDOW || !(above > 0 && g->loss_variance > 0)) return 0;
    return above / sqrt(g->loss_variance);
}

/* Put behind the message what is to be said of it all. */
static um_status add_words(um_ctx *ctx, const char *words)
{
    char what[UM_MESSAGE_MAX];
    snprintf(what, sizeof what, "%s", ctx->message);
    return um_fail(ctx, UM_NOT_FINITE, "%s; %s", what, words);
}

/* Walk the batch again, from operation to operation. */
static um_status name_what_went_bad(um_trainer *tr, const um_batch *batch, double loss,
                                    double norm)
{
    double again, its_norm;
    um_trainer_check_nan(tr, true);
    const um_status status = um_trainer_gradients(tr, batch, &again, &its_norm);
    um_trainer_check_nan(tr, false);
    if (status != UM_OK) return status;
    return um_fail(um_tape_ctx(um_trainer_tape(tr)), UM_NOT_FINITE,
                   "the loss is %g, the gradient's norm %g", loss, norm);
}

static um_status judge_spike(const um_guard *g, um_ctx *ctx, double most, double loss)
{
    const double z = um_guard_zscore(g, loss);
    if (!(most > 0 && z > most)) return UM_OK;
    return um_fail(ctx, UM_NOT_FINITE,
                   "the loss %g is %.1f deviations of %g above its running mean %g "
                   "(train.spike_zscore = %g)", loss, z, sqrt(g->loss_variance), g->loss_mean,
                   most);
}

/* The step as it would be without a guard, as far as its numbers are sound. */
static um_status attempt(const um_guard *g, um_trainer *tr, const um_batch *batch, um_guarded *out)
{
    um_optimizer_state *o = um_trainer_optimizer(tr);
    um_ctx *ctx = o->params->ctx;
    double loss, norm;
    UM_TRY(um_trainer_gradients(tr, batch, &loss, &norm));
    out->loss = isnan(loss) ? NAN : loss; /* a NaN may have a sign */
    out->report.grad_norm = isnan(norm) ? NAN : norm;
    if (!isfinite(loss) || !isfinite(norm)) return name_what_went_bad(tr, batch, loss, norm);
    UM_TRY(judge_spike(g, ctx, o->settings->spike_zscore, loss));
    UM_TRY(um_trainer_update(tr, batch, norm, &out->report));
    out->made = true;
    const um_param *bad = um_params_not_finite(o->params, o->params->values);
    if (!bad) return UM_OK;
    return um_fail(ctx, UM_NOT_FINITE, "the update: the value of %s is not finite (lower train.lr)",
                   bad->name);
}

static um_status skip(um_guard *g, um_trainer *tr)
{
    um_optimizer_state *o = um_trainer_optimizer(tr);
    um_ctx *ctx = o->params->ctx;
    char words[128];
    if (g->skipped_in_row >= o->settings->on_nan_limit) {
        snprintf(words, sizeof words, "updates skipped before it: %lld (train.on_nan_limit)",
                 (long long)g->skipped_in_row);
        return add_words(ctx, words);
    }
    um_optimizer_skip(o);
    g->skipped++;
    g->skipped_in_row++;
    um_log(ctx, UM_LOG_WARNING, "%s; its update is skipped (%lld in a row, %lld in all)",
           ctx->message, (long long)g->skipped_in_row, (long long)g->skipped);
    return UM_OK;
}

um_status um_guard_step(um_guard *g, um_trainer *tr, const um_batch *batch, int64_t position,
                        um_guarded *out)
{
    const um_optimizer_state *o = um_trainer_optimizer(tr);
    *out = (um_guarded){ .loss = NAN, .report = { .grad_norm = NAN } };
    const um_status status = attempt(g, tr, batch, out);
    if (status == UM_OK) {
        g->skipped_in_row = 0;
        um_guard_learn(g, out->loss);
    }
    if (status != UM_NOT_FINITE) return status;
    um_fail_at(o->params->ctx, status, "step %lld (seed %llu, images %lld to %lld of the run)",
               (long long)o->step + !out->made, (unsigned long long)o->settings->seed,
               (long long)position, (long long)position + batch->n - 1);
    return o->settings->on_nan == UM_ON_NAN_SKIP && !out->made ? skip(g, tr) : status;
}

um_status um_guard_validate(um_trainer *tr, um_feed *feed, um_batch *batch, um_validation *out)
{
    const um_optimizer_state *o = um_trainer_optimizer(tr);
    um_ctx *ctx = o->params->ctx;
    um_status status = um_validate(tr, feed, o->settings, batch, out);
    if (status == UM_OK && isfinite(out->loss)) return UM_OK;
    if (status == UM_OK) {
        um_trainer_check_nan(tr, true);
        status = um_validate(tr, feed, o->settings, batch, out);
        um_trainer_check_nan(tr, false);
    }
    if (status == UM_OK) status = um_fail(ctx, UM_NOT_FINITE, "the loss is %g", out->loss);
    if (status != UM_NOT_FINITE) return status;
    return um_fail_at(ctx, status, "the validation after step %lld (seed %llu)", (long long)o->step,
                      (unsigned long long)o->settings->seed);
}

um_status um_guard_return(um_guard *g, um_ctx *ctx, const um_train_settings *settings,
                          int64_t target)
{
    const int64_t before = g->target == target ? g->returns : 0;
    char words[128];
    if (before >= settings->on_nan_limit) {
        snprintf(words, sizeof words,
                 "returns to the checkpoint of step %lld before it: %lld (train.on_nan_limit)",
                 (long long)target, (long long)before);
        return add_words(ctx, words);
    }
    g->target = target;
    g->returns = before + 1;
    g->rollbacks++;
    um_log(ctx, UM_LOG_WARNING,
           "%s; back to the checkpoint of step %lld, on with the images behind these "
           "(%lld in a row, %lld in all)", ctx->message, (long long)target, (long long)g->returns,
           (long long)g->rollbacks);
    return UM_OK;
}
