/* SPDX-License-Identifier: MIT
 * driver.c - the loop. All memory is taken before it; each row then reads: ask, show, draw, step,
 * remember. */
#include <string.h>

#include "sample/run.h"

/* A plan's rows on a batch. */
struct rows {
    um_run *run;
    int history;
    double *z;                         /* noise                                            */
    double *past[UM_HISTORY_MAX + 1];  /* newest first; the last one is free to write into */
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

size_t um_sample_bytes(const um_sampler *sampler, size_t size, int n, bool learns_variance)
{
    const size_t doubles =
        sampler->integrate ? (size_t)UM_INTEGRATE_DOUBLES : (size_t)sampler->history + 2;
    return um_run_bytes(size, n, learns_variance) + (size_t)n * size * doubles * sizeof(double);
}

static void take_memory(struct rows *r, um_arena *arena, int most)
{
    const size_t bytes = (size_t)most * r->run->size * sizeof(double);
    r->z = um_arena_take(arena, bytes);
    for (int i = 0; i <= r->history; i++) r->past[i] = um_arena_take(arena, bytes);
}

/* Put what the row has kept before the history; the oldest makes room, or past[0]. */
static void remember(struct rows *r, const um_row *row)
{
    double *const newest = r->past[r->history];
    if (row->replaces)
        r->past[r->history] = r->past[0];
    else
        memmove(r->past + 1, r->past, (size_t)r->history * sizeof *r->past);
    r->past[0] = newest;
}

static bool uses_noise(const um_row *row)
{
    return um_row_is_noisy(row) || row->known_noise != 0.0;
}

/* A pixel is either known or drawn, so the step's own noise serves. */
static void put_known(struct rows *r, const um_row *row)
{
    um_run *run = r->run;
    const size_t from = (size_t)run->first * run->size;
    if (!run->request->known || (row->known_x0 == 0.0 && row->known_noise == 0.0)) return;
    for (size_t k = 0; k < (size_t)run->n * run->size; k++)
        if (!run->request->redraw[from + k])
            run->x[k] = row->known_x0 * (double)run->request->known[from + k] +
                        (row->known_noise != 0.0 ? row->known_noise * r->z[k] : 0.0);
}

static um_status ask(um_run *run, const um_row *row, int index)
{
    for (int i = 0; i < run->n; i++)
        run->asked[i] = (um_asked){ i, row->step, { row->t, row->alpha_bar } };
    UM_TRY(um_run_ask(run, run->n, run->asked, row->scale, run->x));
    if (um_run_shows(run, index)) um_run_show(run, row, index, 0, 0, run->n);
    return UM_OK;
}

static um_status do_row(struct rows *r, int index)
{
    um_run *run = r->run;
    const um_row *row = &run->plan->row[index];
    const size_t n = (size_t)run->n * run->size;
    UM_TRY(um_check_cancelled(run->ctx));
    if (row->asks) UM_TRY(ask(run, row, index));
    const bool noisy = uses_noise(row);
    if (noisy || (run->noise.sequential && row->draws)) {
        um_run_draw(run, index);
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): reserved */
        for (size_t k = 0; k < n; k++) r->z[k] = (double)run->drawn[k];
    }
    um_step step = {
        .row = row, .n = n, .size = run->size, .x = run->x, .out = run->x,
        .x0 = row->asks ? run->x0 : NULL,
        .eps = row->asks ? run->eps : NULL,
        .noise = noisy ? r->z : NULL,
        .v = row->asks ? run->v : NULL,
        .keep = row->keeps ? r->past[r->history] : NULL,
    };
    for (int h = 0; h < r->history; h++) step.past[h] = r->past[h];
    run->plan->settings.sampler->step(&step);
    put_known(r, row);
    if (row->keeps) remember(r, row);
    return UM_OK;
}

static um_status do_rows(struct rows *r)
{
    const um_run *run = r->run;
    const um_sample_request *q = run->request;
    const int rows = run->plan->rows;
    for (int h = 0; h <= r->history; h++)
        /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): reserved */
        memset(r->past[h], 0, (size_t)run->n * run->size * sizeof(double));
    for (int i = 0; i < rows; i++) {
        UM_TRY(do_row(r, i));
        if (q->progress) q->progress(q->progress_user, i + 1, rows, run->batch, run->batches);
    }
    if (q->tally) q->tally->steps += (int64_t)run->n * (run->plan->row[rows - 1].step + 1);
    return UM_OK;
}

static um_status do_batch(struct rows *r, float *out)
{
    um_run *run = r->run;
    const um_sampler *sampler = run->plan->settings.sampler;
    const um_row *last = &run->plan->row[run->plan->rows - 1];
    const size_t n = (size_t)run->n * run->size;
    um_run_start(run);
    UM_TRY(sampler->integrate ? sampler->integrate(run) : do_rows(r));
    for (size_t k = 0; k < n; k++) run->shown[k] = (float)run->x[k];
    for (int i = 0; i < run->n; i++)
        run->asked[i] = (um_asked){ i, last->step, { last->t, last->alpha_bar } };
    UM_TRY(um_run_check(run, run->shown, run->n, run->asked, "the image"));
    memcpy(out + (size_t)run->first * run->size, run->shown, n * sizeof *out);
    return UM_OK;
}

static um_status do_batches(struct rows *r, int batch, float *out)
{
    um_run *run = r->run;
    const int count = run->request->count;
    run->batches = (int)(((int64_t)count + batch - 1) / batch);
    for (run->batch = 0; run->batch < run->batches; run->batch++) {
        run->first = run->batch * batch;
        run->n = UM_MIN(batch, count - run->first);
        UM_TRY(do_batch(r, out));
    }
    return UM_OK;
}

um_status um_sample_run(um_ctx *ctx, const um_plan *plan, const um_denoiser *model,
                        const um_sample_request *request, float *out)
{
    UM_TRY(check_request(ctx, plan, request));
    UM_TRY(um_plan_check_model(ctx, plan, model->learns_variance));
    um_arena arena = { .ctx = ctx };
    um_run run = {
        .ctx = ctx, .plan = plan, .model = model, .request = request,
        .size = (size_t)request->h * (size_t)request->w * (size_t)request->c,
    };
    struct rows rows = { .run = &run, .history = plan->settings.sampler->history };
    const int all = UM_MAX(request->count, 1);
    const int batch = request->batch > 0 ? UM_MIN(request->batch, all) : all;
    memset(out, 0, (size_t)request->count * run.size * sizeof *out);
    const int threads = um_threads_enter(ctx);
    if (!plan->settings.sampler->integrate) take_memory(&rows, &arena, batch);
    um_status st = um_run_open(&run, &arena, batch);
    if (st == UM_OK) st = do_batches(&rows, batch, out);
    um_threads_leave(threads);
    um_arena_free(&arena);
    return st;
}
