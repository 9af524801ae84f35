/* SPDX-License-Identifier: MIT
 * driver.c - the loop. All memory is taken before it; each row then reads: ask, clip, show, draw,
 * step, remember. */
#include "sample/driver.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "sample/clip.h"

/* What one request needs while it runs; n is the number of images in the batch at work. */
struct run {
    um_ctx *ctx;
    const um_plan *plan;
    const um_denoiser *model;
    const um_sample_request *request;
    um_noise noise;
    um_noise_philox philox;
    um_noise_torch torch;
    size_t size; /* of an image */
    int first, n, history;

    double *x, *x0, *eps, *z, *sorted; /* the state, what the model says, noise, scratch   */
    double *past[UM_HISTORY_MAX + 1];  /* newest first; the last one is free to write into */
    double *t;                         /* of each image                                    */
    float *shown, *answer, *drawn;     /* what the model sees, its answer; noise as drawn  */
};

static um_status check_request(um_ctx *ctx, const um_plan *plan, const um_sample_request *r)
{
    if (r->h < 1 || r->w < 1 || r->c < 1)
        return um_fail(ctx, UM_BAD_SHAPE, "an image of %d x %d x %d", r->h, r->w, r->c);
    if (r->count < 0 || r->batch < 0)
        return um_fail(ctx, UM_BAD_ARG, "sample.count = %d, sample.batch = %d (not below 0)",
                       r->count, r->batch);
    if ((double)r->h * r->w * r->c * UM_MAX(r->count, 1) > (double)(SIZE_MAX / 1024))
        return um_fail(ctx, UM_NO_MEMORY, "no memory for %d images of %d x %d x %d", r->count, r->h,
                       r->w, r->c);
    if (plan->settings.rng == UM_RNG_TORCH && !r->noise && r->first_image > 0)
        return um_fail(ctx, UM_BAD_ARG, "sample.rng = torch starts at the first image");
    return UM_OK;
}

enum { DOUBLES = 4, FLOATS = 4 }; /* arrays of a batch, beside the history */

size_t um_sample_bytes(size_t size, int n)
{
    const size_t doubles = (DOUBLES + UM_HISTORY_MAX + 1) * sizeof(double);
    return (size_t)n * (size * (doubles + FLOATS * sizeof(float)) + sizeof(double)) +
           size * sizeof(double);
}

static um_status take_memory(struct run *run, um_arena *arena)
{
    const um_sample_request *r = run->request;
    const int most = r->batch > 0 ? UM_MIN(r->batch, r->count) : r->count;
    const size_t n = (size_t)most * run->size;
    double **const doubles[DOUBLES] = { &run->x, &run->x0, &run->eps, &run->z };
    for (size_t i = 0; i < UM_COUNT(doubles); i++)
        *doubles[i] = um_arena_take(arena, n * sizeof(double));
    for (int i = 0; i <= run->history; i++) run->past[i] = um_arena_take(arena, n * sizeof(double));
    run->t = um_arena_take(arena, (size_t)most * sizeof *run->t);
    run->sorted = um_arena_take(arena, run->size * sizeof(double));
    float **const floats[FLOATS] = { &run->shown, &run->answer, &run->drawn, &run->torch.scratch };
    for (size_t i = 0; i < UM_COUNT(floats); i++)
        *floats[i] = um_arena_take(arena, n * sizeof(float));
    return arena->status;
}

static void choose_noise(struct run *run)
{
    const um_sample_settings *s = &run->plan->settings;
    const um_sample_request *r = run->request;
    if (r->noise) {
        run->noise = *r->noise;
    } else if (s->rng == UM_RNG_TORCH) {
        um_torch_random_init(&run->torch.generator, s->seed);
        run->torch.h = r->h, run->torch.w = r->w, run->torch.c = r->c;
        run->noise = um_noise_from_torch(&run->torch);
    } else {
        run->philox = (um_noise_philox){ .seed = s->seed, .size = run->size };
        run->noise = um_noise_from_philox(&run->philox);
    }
}

static void draw(struct run *run, int row)
{
    const uint64_t image = run->request->first_image + (uint64_t)run->first;
    run->noise.draw(run->noise.user, row, image, run->n, run->drawn);
}

/* The first x: what the request gives, or noise, at the plan's standard deviation. */
static void start(struct run *run)
{
    const float *from = run->drawn;
    if (run->request->start) from = run->request->start + (size_t)run->first * run->size;
    else draw(run, UM_NOISE_START);
    for (size_t k = 0; k < (size_t)run->n * run->size; k++)
        run->x[k] = run->plan->init_scale * (double)from[k];
}

static um_status check_finite(const struct run *run, const float *v, const um_row *row,
                              const char *what)
{
    for (int i = 0; i < run->n; i++)
        for (size_t k = 0; k < run->size; k++)
            if (!isfinite(v[(size_t)i * run->size + k]))
                return um_fail(run->ctx, UM_NOT_FINITE, "%s is not finite in image %llu at "
                               "timestep %g (%s, step %d)", what,
                               (unsigned long long)run->request->first_image +
                                   (unsigned long long)(run->first + i),
                               row->t, run->plan->settings.sampler->name, row->step);
    return UM_OK;
}

/* Ask the model; x0 and eps from its answer, clipped as the settings say. */
static um_status predict(struct run *run, const um_row *row)
{
    const um_sample_settings *s = &run->plan->settings;
    const int *labels = run->request->labels ? run->request->labels + run->first : NULL;
    const size_t n = (size_t)run->n * run->size;
    for (size_t k = 0; k < n; k++) run->shown[k] = (float)(row->scale * run->x[k]);
    for (int i = 0; i < run->n; i++) run->t[i] = row->t;
    UM_TRY(run->model->predict(run->model->user, run->n, run->shown, run->t, labels,
                               run->answer));
    UM_TRY(check_finite(run, run->answer, row, "the model's answer"));

    const um_prediction_rule rule = um_prediction_rule_at(s->prediction, row->alpha_bar);
    for (size_t k = 0; k < n; k++) {
        const double x = row->scale * run->x[k], out = (double)run->answer[k];
        run->x0[k] = rule.x0_x * x + rule.x0_out * out;
        run->eps[k] = rule.eps_x * x + rule.eps_out * out;
    }
    if (!um_clip_is_on(s)) return UM_OK;
    um_clip_x0(s, run->n, run->size, run->x0, run->sorted);
    if (!s->use_clipped_model_output) return UM_OK;
    const um_prediction_rule again = um_prediction_rule_at(UM_PREDICTION_SAMPLE, row->alpha_bar);
    for (size_t k = 0; k < n; k++)
        run->eps[k] = again.eps_x * (row->scale * run->x[k]) + again.eps_out * run->x0[k];
    return UM_OK;
}

/* The trajectory is told what the model saw; its answer's place holds x0 meanwhile. */
static void show(struct run *run, int index)
{
    const um_sample_request *r = run->request;
    if (!r->trajectory || r->trajectory_every < 1) return;
    if (index % r->trajectory_every != 0 && index != run->plan->rows - 1) return;
    for (size_t k = 0; k < (size_t)run->n * run->size; k++) run->answer[k] = (float)run->x0[k];
    r->trajectory(r->trajectory_user, &(um_sample_view){
        .row = &run->plan->row[index], .index = index, .first = run->first, .n = run->n,
        .x = run->shown, .x0 = run->answer });
}

/* Put what the row has kept before the history; the oldest makes room, or past[0]. */
static void remember(struct run *run, const um_row *row)
{
    double *const newest = run->past[run->history];
    if (row->replaces)
        run->past[run->history] = run->past[0];
    else
        memmove(run->past + 1, run->past, (size_t)run->history * sizeof *run->past);
    run->past[0] = newest;
}

static bool uses_noise(const um_row *row)
{
    return row->next.noise != 0.0 || (row->keeps && row->keep.noise != 0.0) ||
           row->known_noise != 0.0;
}

/* A pixel is either known or drawn, so the step's own noise serves. */
static void put_known(struct run *run, const um_row *row)
{
    const size_t from = (size_t)run->first * run->size;
    if (!run->request->known || (row->known_x0 == 0.0 && row->known_noise == 0.0)) return;
    for (size_t k = 0; k < (size_t)run->n * run->size; k++)
        if (!run->request->redraw[from + k])
            run->x[k] = row->known_x0 * (double)run->request->known[from + k] +
                        (row->known_noise != 0.0 ? row->known_noise * run->z[k] : 0.0);
}

static um_status do_row(struct run *run, int index)
{
    const um_row *row = &run->plan->row[index];
    const size_t n = (size_t)run->n * run->size;
    UM_TRY(um_check_cancelled(run->ctx));
    if (row->asks) {
        UM_TRY(predict(run, row));
        show(run, index);
    }
    const bool noisy = uses_noise(row);
    if (noisy || (run->noise.sequential && row->draws)) {
        draw(run, index);
        for (size_t k = 0; k < n; k++) run->z[k] = (double)run->drawn[k];
    }
    um_step step = {
        .row = row, .n = n, .size = run->size, .x = run->x, .out = run->x,
        .x0 = row->asks ? run->x0 : NULL,
        .eps = row->asks ? run->eps : NULL,
        .noise = noisy ? run->z : NULL,
        .keep = row->keeps ? run->past[run->history] : NULL,
    };
    for (int h = 0; h < run->history; h++) step.past[h] = run->past[h];
    run->plan->settings.sampler->step(&step);
    put_known(run, row);
    if (row->keeps) remember(run, row);
    return UM_OK;
}

static um_status do_batch(struct run *run, int batch, int batches, float *out)
{
    const um_sample_request *r = run->request;
    const int rows = run->plan->rows;
    start(run);
    for (int h = 0; h <= run->history; h++)
        memset(run->past[h], 0, (size_t)run->n * run->size * sizeof(double));
    for (int i = 0; i < rows; i++) {
        UM_TRY(do_row(run, i));
        if (r->progress) r->progress(r->progress_user, i + 1, rows, batch, batches);
    }
    for (size_t k = 0; k < (size_t)run->n * run->size; k++) run->shown[k] = (float)run->x[k];
    UM_TRY(check_finite(run, run->shown, &run->plan->row[rows - 1], "the image"));
    memcpy(out + (size_t)run->first * run->size, run->shown,
           (size_t)run->n * run->size * sizeof *out);
    return UM_OK;
}

static um_status do_batches(struct run *run, float *out)
{
    const um_sample_request *r = run->request;
    const int batch = r->batch > 0 ? r->batch : UM_MAX(r->count, 1);
    const int batches = (int)(((int64_t)r->count + batch - 1) / batch);
    for (int b = 0; b < batches; b++) {
        run->first = b * batch;
        run->n = UM_MIN(batch, r->count - run->first);
        UM_TRY(do_batch(run, b, batches, out));
    }
    return UM_OK;
}

um_status um_sample_run(um_ctx *ctx, const um_plan *plan, const um_denoiser *model,
                        const um_sample_request *request, float *out)
{
    UM_TRY(check_request(ctx, plan, request));
    um_arena arena = { .ctx = ctx };
    struct run run = {
        .ctx = ctx, .plan = plan, .model = model, .request = request,
        .size = (size_t)request->h * (size_t)request->w * (size_t)request->c,
        .history = plan->settings.sampler->history,
    };
    memset(out, 0, (size_t)request->count * run.size * sizeof *out);
    const int threads = um_threads_enter(ctx);
    um_status st = take_memory(&run, &arena);
    if (st == UM_OK) {
        choose_noise(&run);
        st = do_batches(&run, out);
    }
    um_threads_leave(threads);
    um_arena_free(&arena);
    return st;
}
