/* SPDX-License-Identifier: MIT
 * kernel_bench.c - the shortest of many runs counts: what lengthens one is the rest of the
 * machine. */
#include "study/kernel_bench.h"

#include "base/cpu.h"
#include "study/kernel_case.h"
#include "study/timing.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Seconds that a sample lasts at least, so that the clock can tell it, and that a case may last
 * once it has one sample. */
static const double SAMPLE = 1e-3, PATIENCE = 0.3;

static const um_kernels *best_tier(void)
{
    const um_kernels *best = NULL;
    for (int i = 0; um_kernels_tier(i); i++) best = um_kernels_tier(i);
    return best;
}

/* ---- the machine ---- */

enum { PEAK_TRIES = 50, PEAK_ROUNDS = 1 << 18, COPY_TRIES = 5 };

/* Floating-point operations a second of all threads together. */
static double measure_flops(int threads)
{
    const um_kernels *k = best_tier();
    double best = INFINITY;
    for (int i = 0; i < PEAK_TRIES; i++) {
        const double start = um_seconds();
#pragma omp parallel num_threads(threads)
        {
            um_real x[UM_PEAK_NUMBERS] = { 0 };
            k->peak(PEAK_ROUNDS, 0.5f, 0.5f, x);
        }
        best = fmin(best, um_seconds() - start);
    }
    return 2.0 * UM_PEAK_NUMBERS * PEAK_ROUNDS * threads / best;
}

static um_status measure_memory(um_ctx *ctx, double *bytes_per_second)
{
    const size_t count = (size_t)16 << 20;
    um_real *x;
    double best = INFINITY;
    UM_TRY(um_alloc(ctx, &x, 3 * count, sizeof *x, "arrays that no cache holds"));
    for (int i = 0; i < COPY_TRIES; i++) {
        const double start = um_seconds();
        best_tier()->lincomb(count, 0.5f, x, 0.5f, x + count, x + 2 * count);
        best = fmin(best, um_seconds() - start);
    }
    um_free(ctx, x);
    *bytes_per_second = 3.0 * (double)count * sizeof *x / best;
    return UM_OK;
}

um_status um_machine_peak(um_ctx *ctx, um_bench_machine *out)
{
    double bytes = 0;
    const int threads = um_threads_enter(ctx);
    const um_status status = measure_memory(ctx, &bytes);
    *out = (um_bench_machine){ .threads = ctx->threads, .gflops = measure_flops(ctx->threads) / 1e9,
                               .gigabytes = bytes / 1e9 };
    um_cpu_name(out->cpu, sizeof out->cpu);
    um_threads_leave(threads);
    return status;
}

/* ---- one case ---- */

/* Numbers in 0 .. 2 without pattern. */
static void fill(um_real *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        x[i] = (um_real)((uint32_t)i * 2654435761u >> 8) / (um_real)(1 << 23);
}

static um_status prepare(um_ctx *ctx, um_kernel_job *j, um_real **block)
{
    const size_t per = UM_ALIGN / sizeof(um_real);
    const size_t room = (um_kernel_case_room(j->c, j->n) + per - 1) / per * per;
    const size_t scratch = um_kernel_case_scratch(j, ctx->threads);
    UM_TRY(um_alloc(ctx, block, UM_JOB_OPERANDS * room + scratch, sizeof **block, "operands"));
    for (size_t i = 0; i < UM_JOB_OPERANDS; i++) {
        j->x[i] = *block + i * room;
        fill(j->x[i], room);
    }
    j->scratch = *block + UM_JOB_OPERANDS * room;
    return UM_OK;
}

/* Seconds of one call, as the mean over a sample of `calls`. */
static double sample(const um_kernel_job *j, int calls)
{
    const double start = um_seconds();
    for (int i = 0; i < calls; i++) j->c->work->run(j);
    return (um_seconds() - start) / calls;
}

static um_timing time_job(const um_kernel_job *j, double *seconds, int reps)
{
    const double first = sample(j, 1), begun = um_seconds();
    const int calls = first < SAMPLE ? (int)fmin(1e6, ceil(SAMPLE / fmax(first, 1e-9))) : 1;
    int n = 0;
    seconds[0] = first;
    if (first > PATIENCE) return um_timing_of(seconds, 1); /* warmth is nothing to so long a call */
    do seconds[n++] = sample(j, calls);
    while (n < reps && um_seconds() - begun < PATIENCE);
    return um_timing_of(seconds, n);
}

static void tell(const um_kernel_bench_request *r, const um_bench_machine *machine,
                 const um_kernel_job *j, const um_timing *t)
{
    const um_kernel_work *w = j->c->work;
    const bool product = w->flops != NULL;
    const double rate = um_kernel_case_amount(j->c, j->n) / t->least / 1e9;
    um_bench_kernel row = {
        .product = product, .images = j->n, .seconds = t->least, .median_seconds = t->median,
        .rate = rate, .part = rate / (product ? machine->gflops : machine->gigabytes),
    };
    snprintf(row.kernel, sizeof row.kernel, "%s", w->kernel);
    snprintf(row.isa, sizeof row.isa, "%s", j->k->isa);
    um_kernel_case_text(j->c, row.shape, sizeof row.shape);
    r->hooks->row(r->hooks->user, &row);
}

static um_status run_case(um_ctx *ctx, const um_kernel_bench_request *r,
                          const um_bench_machine *machine, um_kernel_job *j, double *seconds)
{
    um_real *block;
    UM_TRY(um_check_cancelled(ctx));
    UM_TRY(prepare(ctx, j, &block));
    const um_timing t = time_job(j, seconds, r->reps);
    um_free(ctx, block);
    tell(r, machine, j, &t);
    return UM_OK;
}

/* ---- all of them ---- */

static um_status check_kernel(um_ctx *ctx, const char *kernel)
{
    enum { MOST = 128 };
    const char *names[MOST];
    int n = 0;
    if (!kernel) return UM_OK;
    for (int i = 0; um_kernel_case_at(i) && n < MOST; i++) {
        names[n] = um_kernel_case_at(i)->work->kernel;
        if (strcmp(names[n++], kernel) == 0) return UM_OK;
    }
    const char *meant = um_word_nearest(kernel, names, n);
    if (meant)
        return um_fail(ctx, UM_BAD_ARG, "no kernel '%.80s' (did you mean %s?)", kernel, meant);
    return um_fail(ctx, UM_BAD_ARG, "no kernel '%.80s' (unmist bench kernels shows them all)",
                   kernel);
}

static bool wanted(const um_kernel_bench_request *r, const um_kernel_case *c, const um_kernels *k)
{
    return (!r->kernel || strcmp(r->kernel, c->work->kernel) == 0) &&
           (strcmp(r->isa, "auto") == 0 || strcmp(r->isa, k->isa) == 0);
}

static um_status run_cases(um_ctx *ctx, const um_kernel_bench_request *r,
                           const um_bench_machine *machine, double *seconds)
{
    const um_kernel_case *c;
    const um_kernels *k;
    for (int i = 0; (c = um_kernel_case_at(i)); i++)
        for (int tier = 0; (k = um_kernels_tier(tier)); tier++) {
            um_kernel_job j = { .k = k, .c = c, .n = tier == 0 ? 1 : r->batch,
                                .precision = r->precision };
            if (wanted(r, c, k)) UM_TRY(run_case(ctx, r, machine, &j, seconds));
        }
    return UM_OK;
}

um_status um_kernel_bench_run(um_ctx *ctx, const um_kernel_bench_request *r)
{
    um_bench_machine machine;
    double *seconds;
    if (r->reps < 1)
        return um_fail(ctx, UM_BAD_ARG, "reps = %d: each kernel is timed at least once", r->reps);
    UM_TRY(check_kernel(ctx, r->kernel));
    UM_TRY(um_machine_peak(ctx, &machine));
    if (r->hooks->machine) r->hooks->machine(r->hooks->user, &machine);
    UM_TRY(um_alloc(ctx, &seconds, (size_t)r->reps, sizeof *seconds, "times"));
    const int threads = um_threads_enter(ctx);
    const um_status status = run_cases(ctx, r, &machine, seconds);
    um_threads_leave(threads);
    um_free(ctx, seconds);
    return status;
}
