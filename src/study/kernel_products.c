/* SPDX-License-Identifier: MIT
 * kernel_products.c - calls of the kernels that multiply: convolutions, products, attention. */
#include "study/kernel_work.h"

#include <math.h>

static um_conv2d_shape conv_shape(const um_kernel_job *j)
{
    const um_kernel_case *c = j->c;
    const int pad = c->k / 2;
    return (um_conv2d_shape){ j->n,  c->side,   c->side, c->ci, c->co,
                              c->k, c->stride, pad,     pad,   j->precision };
}

static double conv_flops(const um_kernel_case *c)
{
    const um_conv2d_shape s = conv_shape(&(um_kernel_job){ .c = c, .n = 1 });
    const double out = um_conv2d_out(&s, c->side);
    return 2.0 * out * out * c->k * c->k * c->ci * c->co;
}

static size_t conv_scratch(const um_kernel_job *j, int threads)
{
    const um_conv2d_shape s = conv_shape(j);
    return j->k->conv2d_scratch(&s, threads);
}

static void run_conv2d(const um_kernel_job *j)
{
    const um_conv2d_shape s = conv_shape(j);
    j->k->conv2d(&s, j->x[0], j->x[1], j->x[2], j->x[3], j->scratch);
}

static void run_conv2d_dx(const um_kernel_job *j)
{
    const um_conv2d_shape s = conv_shape(j);
    j->k->conv2d_dx(&s, j->x[0], j->x[1], j->x[3], false, j->scratch);
}

static void run_conv2d_dw(const um_kernel_job *j)
{
    const um_conv2d_shape s = conv_shape(j);
    j->k->conv2d_dw(&s, j->x[0], j->x[1], j->x[3], false, j->scratch);
}

/* A linear layer over all pixels, and its two gradients. */
static um_gemm gemm_y(const um_kernel_job *j)
{
    const int m = j->n * (int)um_kernel_pixels(j->c), ci = j->c->ci, co = j->c->co;
    return (um_gemm){ m, co, ci, j->x[0], ci, 1, j->x[1], co, 1, j->x[3], co, j->x[2], false,
                      j->precision };
}

static um_gemm gemm_dx(const um_kernel_job *j)
{
    const int m = j->n * (int)um_kernel_pixels(j->c), ci = j->c->ci, co = j->c->co;
    return (um_gemm){ m, ci, co, j->x[0], co, 1, j->x[1], 1, co, j->x[3], ci, NULL, false,
                      j->precision };
}

static um_gemm gemm_dw(const um_kernel_job *j)
{
    const int m = j->n * (int)um_kernel_pixels(j->c), ci = j->c->ci, co = j->c->co;
    return (um_gemm){ ci, co, m, j->x[0], 1, ci, j->x[1], co, 1, j->x[3], co, NULL, false,
                      j->precision };
}

static void run_gemm_y(const um_kernel_job *j)
{
    const um_gemm g = gemm_y(j);
    j->k->gemm(&g, j->scratch);
}

static size_t gemm_y_scratch(const um_kernel_job *j, int threads)
{
    const um_gemm g = gemm_y(j);
    return j->k->gemm_scratch(&g, threads);
}

static void run_gemm_dx(const um_kernel_job *j)
{
    const um_gemm g = gemm_dx(j);
    j->k->gemm(&g, j->scratch);
}

static size_t gemm_dx_scratch(const um_kernel_job *j, int threads)
{
    const um_gemm g = gemm_dx(j);
    return j->k->gemm_scratch(&g, threads);
}

static void run_gemm_dw(const um_kernel_job *j)
{
    const um_gemm g = gemm_dw(j);
    j->k->gemm(&g, j->scratch);
}

static size_t gemm_dw_scratch(const um_kernel_job *j, int threads)
{
    const um_gemm g = gemm_dw(j);
    return j->k->gemm_scratch(&g, threads);
}

static um_attention_shape attention_shape(const um_kernel_job *j)
{
    const um_kernel_case *c = j->c;
    return (um_attention_shape){ .n = j->n, .tokens = (int)um_kernel_pixels(c),
                                 .heads = c->ci / c->co, .dim = c->co, .scale = 1 / sqrt(c->co) };
}

static size_t attention_scratch(const um_kernel_job *j, int threads)
{
    const um_attention_shape s = attention_shape(j);
    return j->k->attention_scratch(&s, threads);
}

/* Scores and the weighted sum; backward the scores again, and dv, dP, dq and dk. */
static double attention_flops(const um_kernel_case *c)
{
    return 4.0 * (double)um_kernel_pixels(c) * (double)um_kernel_pixels(c) * c->ci;
}
static double attention_vjp_flops(const um_kernel_case *c) { return 2.5 * attention_flops(c); }

static void run_attention(const um_kernel_job *j)
{
    const um_attention_shape s = attention_shape(j);
    j->k->attention(&s, j->x[0], j->x[1], j->x[2], j->x[3], j->x[4], j->scratch);
}

/* x[3] and x[4], numbers like any others here, are what the forward call writes: the output and the
 * log-sum-exp, which is large where there are so many keys. */
static void run_attention_vjp(const um_kernel_job *j)
{
    const um_attention_shape s = attention_shape(j);
    const um_attention_grads grads = { .dq = j->x[5], .dk = j->x[6], .dv = j->x[4] };
    j->k->attention_vjp(&s, &grads, j->x[0], j->x[0], j->x[1], j->x[2], j->x[3], j->x[3],
                        j->scratch);
}

const um_kernel_work um_work_conv2d = {
    .kernel = "conv2d", .run = run_conv2d, .flops = conv_flops, .scratch = conv_scratch,
};
const um_kernel_work um_work_conv2d_dx = {
    .kernel = "conv2d_dx", .run = run_conv2d_dx, .flops = conv_flops, .scratch = conv_scratch,
};
const um_kernel_work um_work_conv2d_dw = {
    .kernel = "conv2d_dw", .run = run_conv2d_dw, .flops = conv_flops, .scratch = conv_scratch,
};
const um_kernel_work um_work_gemm = {
    .kernel = "gemm", .run = run_gemm_y, .flops = conv_flops, .scratch = gemm_y_scratch,
};
const um_kernel_work um_work_gemm_dx = {
    .kernel = "gemm", .run = run_gemm_dx, .flops = conv_flops, .scratch = gemm_dx_scratch,
    .note = "dx",
};
const um_kernel_work um_work_gemm_dw = {
    .kernel = "gemm", .run = run_gemm_dw, .flops = conv_flops, .scratch = gemm_dw_scratch,
    .note = "dw",
};
const um_kernel_work um_work_attention = {
    .kernel = "attention", .run = run_attention, .flops = attention_flops,
    .scratch = attention_scratch,
};
const um_kernel_work um_work_attention_vjp = {
    .kernel = "attention_vjp", .run = run_attention_vjp, .flops = attention_vjp_flops,
    .scratch = attention_scratch,
};
