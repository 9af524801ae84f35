/* SPDX-License-Identifier: MIT
 * kernel_passes.c - calls of the kernels that go through memory: norms, sums, the optimiser. */
#include "study/kernel_work.h"

/* Numbers of one image, and of all. */
static size_t image(const um_kernel_job *j) { return um_kernel_pixels(j->c) * (size_t)j->c->ci; }
static size_t count(const um_kernel_job *j) { return (size_t)j->n * image(j); }

static size_t rows(const um_kernel_job *j) { return (size_t)j->n * um_kernel_pixels(j->c); }

static um_group_norm_shape norm_shape(const um_kernel_job *j)
{
    return (um_group_norm_shape){ .n = j->n, .hw = (int)um_kernel_pixels(j->c), .c = j->c->ci,
                                  .groups = 32, .eps = 1e-5, .silu = true };
}

static size_t norm_scratch(const um_kernel_job *j, int threads)
{
    const um_group_norm_shape s = norm_shape(j);
    return j->k->group_norm_scratch(&s, threads);
}

static void run_group_norm(const um_kernel_job *j)
{
    const um_group_norm_shape s = norm_shape(j);
    j->k->group_norm(&s, j->x[0], NULL, j->x[1], j->x[2], j->x[3], j->x[4], j->x[5]);
}

static void run_group_norm_vjp(const um_kernel_job *j)
{
    const um_group_norm_shape s = norm_shape(j);
    const um_group_norm_grads grads = { .dx = j->x[3], .dgamma = j->x[4], .dbeta = j->x[5] };
    j->k->group_norm_vjp(&s, &grads, j->x[0], j->x[1], NULL, j->x[2], j->x[2], j->x[6],
                         j->x[6], j->scratch);
}

static void run_softmax(const um_kernel_job *j)
{
    j->k->softmax(rows(j), j->c->ci, j->x[0], j->x[3]);
}

static void run_softmax_vjp(const um_kernel_job *j)
{
    j->k->softmax_vjp(rows(j), j->c->ci, j->x[0], j->x[1], j->x[3], false);
}

static void run_activate(const um_kernel_job *j)
{
    j->k->activate(UM_SILU, count(j), j->x[0], j->x[3]);
}

static void run_activate_vjp(const um_kernel_job *j)
{
    j->k->activate_vjp(UM_SILU, count(j), j->x[0], j->x[1], j->x[3], false);
}

static void run_lincomb(const um_kernel_job *j)
{
    j->k->lincomb(count(j), 0.5f, j->x[0], 0.5f, j->x[1], j->x[3]);
}

static void run_multiply(const um_kernel_job *j)
{
    j->k->multiply(count(j), j->x[0], j->x[1], j->x[3], false);
}

static void run_scale_shift(const um_kernel_job *j)
{
    j->k->scale_shift(j->n, (int)um_kernel_pixels(j->c), j->c->ci, j->x[0], j->x[1], j->x[3]);
}

static void run_scale_shift_vjp(const um_kernel_job *j)
{
    j->k->scale_shift_vjp(j->n, (int)um_kernel_pixels(j->c), j->c->ci, j->x[0], j->x[1], j->x[2],
                          j->x[3], false, j->x[4], false);
}

static void run_copy_columns(const um_kernel_job *j)
{
    j->k->copy_columns(rows(j), j->c->ci, j->x[0], j->c->ci, 0, j->x[3], 2 * j->c->ci, j->c->ci,
                       false);
}

static void run_spread2x(const um_kernel_job *j)
{
    j->k->spread2x(j->n, j->c->side, j->c->side, j->c->ci, 1, j->x[0], j->x[3], false);
}

static void run_gather2x(const um_kernel_job *j)
{
    j->k->gather2x(j->n, j->c->side, j->c->side, j->c->ci, 1, j->x[0], j->x[3], false);
}

static void run_sum_pixels(const um_kernel_job *j)
{
    j->k->sum_pixels(1, rows(j), j->c->ci, j->x[0], j->x[3], false);
}

/* The result of a sum goes where it can be seen. */
static void run_sum_squares(const um_kernel_job *j)
{
    *j->x[3] = (um_real)j->k->sum_squares(count(j), j->x[0]);
}

static void run_all_finite(const um_kernel_job *j)
{
    *j->x[3] = j->k->all_finite(count(j), j->x[0]);
}

static void run_loss(const um_kernel_job *j)
{
    j->k->loss(UM_LOSS_MSE, 1, j->n, image(j), j->x[0], j->x[1], j->x[3]);
}

static void run_loss_vjp(const um_kernel_job *j)
{
    j->k->loss_vjp(UM_LOSS_MSE, 1, j->n, image(j), j->x[2], j->x[0], j->x[1], j->x[3], false);
}

static void run_adam_step(const um_kernel_job *j)
{
    const um_adam a = { .lr = 1e-4, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .weight_decay = 1e-6,
                        .bias1 = 0.5, .bias2 = 0.5, .grad_scale = 0.5, .decoupled = true };
    j->k->adam_step(&a, count(j), j->x[0], j->x[1], j->x[2], j->x[3], NULL);
}

static void run_dropout(const um_kernel_job *j)
{
    const um_random source = { 1, UM_STREAM_TEST, 0 };
    j->k->dropout(count(j), 0.1f, &source, j->x[0], j->x[3], false);
}

/* The operands' numbers, which are not negative and small, serve as rows of a table. */
enum { TABLE = 16 };

static void run_embedding(const um_kernel_job *j)
{
    j->k->embedding(j->n, j->c->ci, j->x[0], j->x[1], j->x[3]);
}

static void run_embedding_vjp(const um_kernel_job *j)
{
    j->k->embedding_vjp(j->n, TABLE, j->c->ci, j->x[0], j->x[1], j->x[3], false);
}

/* Images and channels are rounds here. */
static void run_peak(const um_kernel_job *j)
{
    j->k->peak((size_t)j->n * (size_t)j->c->ci, 0.5f, 0.5f, j->x[3]);
}

static double peak_flops(const um_kernel_case *c) { return 2.0 * UM_PEAK_NUMBERS * c->ci; }

const um_kernel_work um_work_group_norm = {
    .kernel = "group_norm", .run = run_group_norm, .moved = 2, .note = "SiLU",
    .scratch = norm_scratch,
};
const um_kernel_work um_work_group_norm_vjp = {
    .kernel = "group_norm_vjp", .run = run_group_norm_vjp, .moved = 3, .note = "SiLU",
    .scratch = norm_scratch,
};
const um_kernel_work um_work_softmax = { .kernel = "softmax", .run = run_softmax, .moved = 2 };
const um_kernel_work um_work_softmax_vjp = {
    .kernel = "softmax_vjp", .run = run_softmax_vjp, .moved = 3,
};
const um_kernel_work um_work_activate = { .kernel = "activate", .run = run_activate, .moved = 2 };
const um_kernel_work um_work_activate_vjp = {
    .kernel = "activate_vjp", .run = run_activate_vjp, .moved = 3,
};
const um_kernel_work um_work_lincomb = { .kernel = "lincomb", .run = run_lincomb, .moved = 3 };
const um_kernel_work um_work_multiply = { .kernel = "multiply", .run = run_multiply, .moved = 3 };
const um_kernel_work um_work_scale_shift = {
    .kernel = "scale_shift", .run = run_scale_shift, .moved = 2,
};
const um_kernel_work um_work_scale_shift_vjp = {
    .kernel = "scale_shift_vjp", .run = run_scale_shift_vjp, .moved = 3,
};
const um_kernel_work um_work_copy_columns = {
    .kernel = "copy_columns", .run = run_copy_columns, .moved = 2, .widen = 2,
};
const um_kernel_work um_work_spread2x = {
    .kernel = "spread2x", .run = run_spread2x, .moved = 5, .widen = 4,
};
const um_kernel_work um_work_gather2x = {
    .kernel = "gather2x", .run = run_gather2x, .moved = 5, .widen = 4,
};
const um_kernel_work um_work_sum_pixels = {
    .kernel = "sum_pixels", .run = run_sum_pixels, .moved = 1,
};
const um_kernel_work um_work_sum_squares = {
    .kernel = "sum_squares", .run = run_sum_squares, .moved = 1,
};
const um_kernel_work um_work_all_finite = {
    .kernel = "all_finite", .run = run_all_finite, .moved = 1,
};
const um_kernel_work um_work_loss = { .kernel = "loss", .run = run_loss, .moved = 2 };
const um_kernel_work um_work_loss_vjp = { .kernel = "loss_vjp", .run = run_loss_vjp, .moved = 3 };
const um_kernel_work um_work_adam_step = {
    .kernel = "adam_step", .run = run_adam_step, .moved = 7,
};
const um_kernel_work um_work_dropout = { .kernel = "dropout", .run = run_dropout, .moved = 2 };
const um_kernel_work um_work_embedding = {
    .kernel = "embedding", .run = run_embedding, .moved = 2,
};
const um_kernel_work um_work_embedding_vjp = {
    .kernel = "embedding_vjp", .run = run_embedding_vjp, .moved = 2,
};
const um_kernel_work um_work_peak = {
    .kernel = "peak", .run = run_peak, .note = "one core", .flops = peak_flops,
};
