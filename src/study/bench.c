/* SPDX-License-Identifier: MIT
 * bench.c - the same step again and again: some to warm up, the timed ones with nobody looking on,
 * and some with a clock at each operation. */
#include "study/bench.h"

#include "base/memory.h"
#include "sample/unet_denoiser.h"
#include "study/op_clock.h"
#include "study/timing.h"
#include "train/trainer.h"

#include <stdio.h>

enum { WARM = 2, OBSERVED = 3 };

/* A trainer or a denoiser with what it is fed. */
typedef struct subject {
    um_ctx *ctx;
    const um_bench_request *request;
    um_status (*step)(struct subject *s);
    um_tape *(*tape)(const struct subject *s); /* there after the first step */
    um_batch batch;
    um_trainer *trainer;
    um_unet_denoiser denoiser;
    double *t; /* what the denoiser is told */
    um_real *answer;
    int steps, total; /* done, and to do in all */
    double ended;     /* the last of them (um_seconds) */
} subject;

/* ---- training ---- */

static um_status training_step(subject *s)
{
    um_step_report report;
    double loss;
    return um_trainer_step(s->trainer, &s->batch, &loss, &report);
}

static um_tape *training_tape(const subject *s)
{
    return um_trainer_tape(s->trainer);
}

/* ---- sampling ---- */

/* As the driver asks: one timestep for all, another at each call. */
static um_status sampling_step(subject *s)
{
    const um_denoiser model = um_denoiser_from_unet(&s->denoiser);
    const int T = s->request->schedule->timesteps;
    for (int i = 0; i < s->batch.n; i++) s->t[i] = T - 1 - (int64_t)s->steps * 20 % T;
    return model.predict(model.user, s->batch.n, s->batch.noise, s->t, s->batch.labels, s->answer);
}

static um_tape *sampling_tape(const subject *s)
{
    return s->denoiser.tape;
}

/* ---- both ---- */

/* Images of noise: what they show makes no difference to the time. */
static void fill(subject *s, size_t count)
{
    const um_bench_request *r = s->request;
    const um_unet_config *c = um_unet_configuration(r->unet);
    const int classes = UM_MAX(c->num_class_embeds, 1), T = r->schedule->timesteps;
    for (int i = 0; i < r->batch; i++) {
        s->batch.t[i] = (int)((int64_t)T * i / r->batch);
        s->batch.labels[i] = i % classes;
    }
    um_random_normal(&(um_random){ r->seed, UM_STREAM_NOISE, 0 }, s->batch.noise, count);
    um_random_normal(&(um_random){ r->seed, UM_STREAM_NOISE, 1 }, s->batch.x0, count);
}

static um_status open_subject(subject *s)
{
    const um_bench_request *r = s->request;
    const um_unet_config *c = um_unet_configuration(r->unet);
    const size_t pixels = (size_t)r->h * (size_t)r->w, image = pixels * (size_t)c->in_channels;
    if (r->train) {
        s->step = training_step;
        s->tape = training_tape;
        UM_TRY(um_trainer_open(&s->trainer, s->ctx, r->unet, r->schedule, r->train, r->h, r->w));
    } else {
        s->step = sampling_step;
        s->tape = sampling_tape;
        um_unet_denoiser_init(&s->denoiser, s->ctx, r->unet, r->h, r->w);
        s->denoiser.check_nan = r->check_nan;
        s->denoiser.precision = r->precision;
        UM_TRY(um_alloc(s->ctx, &s->answer,
                        (size_t)r->batch * pixels * (size_t)c->out_channels, sizeof *s->answer,
                        "images"));
        UM_TRY(um_alloc(s->ctx, &s->t, (size_t)r->batch, sizeof *s->t, "timesteps"));
    }
    UM_TRY(um_batch_init(s->ctx, &s->batch, r->batch, image));
    fill(s, (size_t)r->batch * image);
    return UM_OK;
}

static void close_subject(subject *s)
{
    um_batch_free(s->ctx, &s->batch);
    um_trainer_close(&s->trainer);
    um_unet_denoiser_free(&s->denoiser);
    um_free(s->ctx, s->answer);
    um_free(s->ctx, s->t);
}

/* n steps, each one's time in seconds[] where that is not NULL. */
static um_status run_steps(subject *s, int n, double *seconds)
{
    const um_bench_options *o = s->request->options;
    for (int i = 0; i < n; i++) {
        UM_TRY(um_check_cancelled(s->ctx));
        const double start = um_seconds();
        UM_TRY(s->step(s));
        s->ended = um_seconds();
        if (seconds) seconds[i] = s->ended - start;
        s->steps++;
        if (o->progress) o->progress(o->user, s->steps, s->total);
    }
    return UM_OK;
}

static void add_shares(um_op_clock *clock, double whole, um_bench_result *out)
{
    um_op_clock_sort(clock);
    out->operations = UM_MIN(clock->count, UM_BENCH_OPERATIONS);
    for (int i = 0; i < out->operations; i++) {
        const um_op_time *op = &clock->op[i];
        um_bench_share *to = &out->share[i];
        snprintf(to->operation, sizeof to->operation, "%s", op->operation);
        to->forward = op->seconds[UM_FORWARD] / whole;
        to->recompute = op->seconds[UM_RECOMPUTE] / whole;
        to->backward = op->seconds[UM_VJP] / whole;
    }
}

/* What a training step does behind its last vjp is the optimiser's work. */
static um_status observe(subject *s, um_bench_result *out)
{
    um_op_clock clock = { .count = 0 };
    double whole = 0, optimizer = 0;
    um_tape_observe(s->tape(s), um_op_clock_observer(&clock));
    for (int i = 0; i < OBSERVED; i++) {
        double seconds;
        UM_TRY(run_steps(s, 1, &seconds));
        whole += seconds;
        if (s->trainer) optimizer += s->ended - clock.ended;
    }
    out->optimizer = optimizer / whole;
    out->rest = UM_MAX(0, 1 - out->optimizer - um_op_clock_total(&clock) / whole);
    add_shares(&clock, whole, out);
    return UM_OK;
}

static um_status measure(subject *s, double *seconds, um_bench_result *out)
{
    const int reps = s->request->options->reps;
    s->total = WARM + reps + OBSERVED;
    UM_TRY(run_steps(s, WARM, NULL));
    UM_TRY(run_steps(s, reps, seconds));
    UM_TRY(observe(s, out));
    const um_timing t = um_timing_of(seconds, reps);
    out->median_seconds = t.median;
    out->least_seconds = t.least;
    out->most_seconds = t.most;
    out->images_per_second = s->request->batch / t.median;
    out->tape_mib = (double)um_tape_bytes(s->tape(s)) / 1048576.0;
    out->peak_rss_mib = (double)um_memory_peak() / 1048576.0;
    return UM_OK;
}

um_status um_bench_run(um_ctx *ctx, const um_bench_request *request, um_bench_result *out)
{
    subject s = { .ctx = ctx, .request = request };
    double *seconds;
    const int reps = request->options->reps;
    if (reps < 1) return um_fail(ctx, UM_BAD_ARG, "reps = %d: at least one step is timed", reps);
    UM_TRY(um_alloc(ctx, &seconds, (size_t)reps, sizeof *seconds, "times"));
    um_status status = open_subject(&s);
    if (status == UM_OK) status = measure(&s, seconds, out);
    close_subject(&s);
    um_free(ctx, seconds);
    return status;
}
