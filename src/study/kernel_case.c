/* SPDX-License-Identifier: MIT
 * kernel_case.c - the one table of what is timed. */
#include "study/kernel_case.h"

#include <stdio.h>
#include <string.h>

#define CONV(side, ci, co, k, stride)                        \
    { &um_work_conv2d, side, ci, co, k, stride },            \
    { &um_work_conv2d_dx, side, ci, co, k, stride },         \
    { &um_work_conv2d_dw, side, ci, co, k, stride }
#define LINEAR(side, ci, co)                                 \
    { &um_work_gemm, side, ci, co, 1, 1 },                   \
    { &um_work_gemm_dx, side, ci, co, 1, 1 },                \
    { &um_work_gemm_dw, side, ci, co, 1, 1 }
#define BOTH(work, side, ci, co)                             \
    { &um_work_##work, side, ci, co, 1, 1 },                 \
    { &um_work_##work##_vjp, side, ci, co, 1, 1 }
#define PASS(work, side, c) { &um_work_##work, side, c, c, 1, 1 }

static const um_kernel_case cases[] = {
    /* ddpm-cifar10-32 from the image down and up again, then narrower networks */
    CONV(32, 3, 128, 3, 1),
    CONV(32, 128, 128, 3, 1),
    CONV(32, 384, 128, 3, 1),
    CONV(32, 128, 128, 3, 2),
    CONV(16, 256, 256, 3, 1),
    CONV(16, 512, 256, 3, 1),
    CONV(8, 256, 256, 3, 1),
    CONV(4, 512, 256, 3, 1),
    CONV(32, 128, 3, 3, 1),
    CONV(32, 64, 64, 3, 1),
    CONV(16, 128, 128, 3, 1),
    CONV(32, 32, 32, 3, 1),
    LINEAR(32, 384, 128),
    LINEAR(16, 256, 256),
    LINEAR(8, 512, 256),
    LINEAR(1, 512, 256), /* of the time embedding */
    BOTH(attention, 16, 256, 256),
    BOTH(attention, 16, 128, 8),
    BOTH(group_norm, 32, 128, 128),
    BOTH(group_norm, 16, 512, 512),
    BOTH(group_norm, 4, 256, 256),
    BOTH(softmax, 16, 256, 256),
    BOTH(activate, 32, 128, 128),
    PASS(lincomb, 32, 128),
    PASS(lincomb, 8, 256),
    PASS(multiply, 32, 128),
    BOTH(scale_shift, 32, 128, 128),
    PASS(copy_columns, 32, 128),
    PASS(spread2x, 16, 256),
    PASS(gather2x, 16, 256),
    PASS(sum_pixels, 32, 128),
    PASS(sum_squares, 32, 128),
    PASS(all_finite, 32, 128),
    BOTH(loss, 32, 3, 3),
    PASS(adam_step, 32, 256),
    PASS(dropout, 32, 128),
    BOTH(embedding, 1, 512, 512),
    PASS(peak, 1, 1 << 14),
};

const um_kernel_case *um_kernel_case_at(int i)
{
    return i >= 0 && (size_t)i < UM_COUNT(cases) ? &cases[i] : NULL;
}

size_t um_kernel_case_room(const um_kernel_case *c, int n)
{
    const size_t widest = (size_t)UM_MAX(c->ci, c->co);
    const size_t images =
        (size_t)UM_MAX(c->work->widen, 1) * (size_t)n * um_kernel_pixels(c) * widest;
    const size_t filters = (size_t)c->k * (size_t)c->k * (size_t)c->ci * (size_t)c->co;
    const size_t tables = UM_MAX(16 * widest, UM_PEAK_NUMBERS);
    return UM_MAX(UM_MAX(images, filters), tables);
}

size_t um_kernel_case_scratch(const um_kernel_job *j, int threads)
{
    return j->c->work->scratch ? j->c->work->scratch(j, threads) : 0;
}

double um_kernel_case_amount(const um_kernel_case *c, int n)
{
    const um_kernel_work *w = c->work;
    const double numbers = (double)um_kernel_pixels(c) * c->ci * w->moved;
    return n * (w->flops ? w->flops(c) : numbers * (double)sizeof(um_real));
}

void um_kernel_case_text(const um_kernel_case *c, char *out, size_t room)
{
    char filter[48] = "", to[16] = "";
    if (c->work == &um_work_peak) {
        snprintf(out, room, "%s", c->work->note);
        return;
    }
    if (c->k > 1) snprintf(filter, sizeof filter, " %dx%d", c->k, c->k);
    if (c->stride > 1)
        snprintf(filter + strlen(filter), sizeof filter - strlen(filter), " /%d", c->stride);
    if (c->work->flops) snprintf(to, sizeof to, ">%d", c->co);
    snprintf(out, room, "%dx%d %d%s%s%s%s", c->side, c->side, c->ci, to, filter,
             c->work->note ? " " : "", c->work->note ? c->work->note : "");
}
