/* SPDX-License-Identifier: MIT
 * optimizer.c - norm, clip, Adam, moving average: one pass each over the blocks of numbers. */
#include "train/optimizer.h"

#include "tensor/kernels/kernels.h"
#include "train/schedules.h"

#include <float.h>
#include <math.h>
#include <string.h>

um_status um_optimizer_init(um_optimizer_state *o, um_params *params,
                            const um_train_settings *settings)
{
    um_ctx *ctx = params->ctx;
    *o = (um_optimizer_state){ .params = params, .settings = settings };
    um_status status = um_alloc(ctx, &o->m, params->padded, sizeof *o->m, "the optimiser");
    if (status == UM_OK)
        status = um_alloc(ctx, &o->v, params->padded, sizeof *o->v, "the optimiser");
    if (status == UM_OK && settings->ema_decay > 0) {
        status = um_alloc(ctx, &o->ema, params->padded, sizeof *o->ema, "the moving average");
        if (status == UM_OK) memcpy(o->ema, params->values, params->padded * sizeof *o->ema);
    }
    if (status != UM_OK) um_optimizer_free(o);
    return status;
}

void um_optimizer_free(um_optimizer_state *o)
{
    if (!o->params) return;
    um_free(o->params->ctx, o->m);
    um_free(o->params->ctx, o->v);
    um_free(o->params->ctx, o->ema);
    *o = (um_optimizer_state){ 0 };
}

/* Step the numbers from .. to - 1 of the blocks. */
static void step_range(um_optimizer_state *o, const um_adam *a, size_t from, size_t to)
{
    um_params *p = o->params;
    if (to > from)
        p->ctx->kernels->adam_step(a, to - from, p->grads + from, p->values + from, o->m + from,
                                   o->v + from, o->ema ? o->ema + from : NULL);
}

/* All parameters but the frozen ones, in as few ranges as there can be. */
static void step_trainable(um_optimizer_state *o, const um_adam *a)
{
    const um_params *p = o->params;
    size_t from = 0;
    for (int i = 0; i < p->count; i++) {
        if (!p->list[i]->frozen) continue;
        step_range(o, a, from, um_params_offset(p, p->list[i]));
        from = i + 1 < p->count ? um_params_offset(p, p->list[i + 1]) : p->padded;
    }
    step_range(o, a, from, p->padded);
}

double um_optimizer_norm(const um_optimizer_state *o)
{
    const um_params *p = o->params;
    const int threads = um_threads_enter(p->ctx);
    const double squares = p->ctx->kernels->sum_squares(p->padded, p->grads);
    um_threads_leave(threads);
    return sqrt(squares);
}

um_status um_optimizer_step(um_optimizer_state *o, double norm, um_step_report *report)
{
    const um_train_settings *s = o->settings;
    um_ctx *ctx = o->params->ctx;
    /* PyTorch's clip_grad_norm_: scale by max_norm / (norm + 1e-6), never up */
    const double scale = s->clip_norm > 0 ? fmin(1.0, s->clip_norm / (norm + 1e-6)) : 1.0;
    if (!(norm * scale * norm * scale < FLT_MAX)) /* v, a mean of squares, stays finite */
        return um_fail(ctx, UM_NOT_FINITE,
                       "the gradient's norm is %g (lower train.lr, or train.clip_norm)", norm);
    const int64_t update = o->updates + 1;
    *report = (um_step_report){ norm, um_lr_at(s, o->step), um_ema_decay_at(s, update) };
    const um_adam a = {
        .lr = report->lr, .beta1 = s->beta1, .beta2 = s->beta2, .eps = s->eps,
        .weight_decay = s->weight_decay, .grad_scale = scale, .ema_decay = report->ema_decay,
        .bias1 = 1.0 - pow(s->beta1, (double)update), .bias2 = 1.0 - pow(s->beta2, (double)update),
        .decoupled = s->optimizer == UM_ADAMW,
    };
    const int threads = um_threads_enter(ctx);
    step_trainable(o, &a);
    um_threads_leave(threads);
    o->step++;
    o->updates = update;
    return UM_OK;
}

void um_optimizer_skip(um_optimizer_state *o) { o->step++; }
