/* SPDX-License-Identifier: MIT
 * kernel_work.h - each kernel of the list at work: what the rows of kernel_case.c are made of. */
#ifndef UM_KERNEL_WORK_H
#define UM_KERNEL_WORK_H

#include "tensor/kernels/kernels.h"

typedef struct um_kernel_case um_kernel_case;

enum { UM_JOB_OPERANDS = 7 };

/* A case made ready: its kernels, how many images, and operands of um_kernel_case_room reals each,
 * full of small numbers that are not negative. */
typedef struct um_kernel_job {
    const um_kernels *k;
    const um_kernel_case *c;
    int n;
    um_precision precision; /* of products */
    um_real *x[UM_JOB_OPERANDS];
    um_real *scratch; /* um_kernel_case_scratch reals */
} um_kernel_job;

/* What a kernel is made to do. */
typedef struct um_kernel_work {
    const char *kernel; /* of the list */
    const char *note;   /* which of its uses, or NULL */
    void (*run)(const um_kernel_job *j);
    double (*flops)(const um_kernel_case *c); /* of one image; NULL: what it moves counts */
    int moved; /* numbers read and written for each one of side * side * ci */
    int widen; /* times as many numbers as images have in an operand; 0: as many */
    size_t (*scratch)(const um_kernel_job *j, int threads); /* reals; NULL: none */
} um_kernel_work;

/* Images of side x side with ci channels, or co where the work makes others of them; filters of k x
 * k every `stride` pixels. Attention: heads of co channels. */
struct um_kernel_case {
    const um_kernel_work *work;
    int side, ci, co, k, stride;
};

static inline size_t um_kernel_pixels(const um_kernel_case *c)
{
    return (size_t)c->side * (size_t)c->side;
}

/* Convolutions, products, attention (kernel_products.c); all others (kernel_passes.c). */
extern const um_kernel_work
    um_work_conv2d, um_work_conv2d_dx, um_work_conv2d_dw, um_work_gemm, um_work_gemm_dx,
    um_work_gemm_dw, um_work_attention, um_work_attention_vjp, um_work_group_norm,
    um_work_group_norm_vjp, um_work_softmax, um_work_softmax_vjp, um_work_activate,
    um_work_activate_vjp, um_work_lincomb, um_work_multiply, um_work_scale_shift,
    um_work_scale_shift_vjp, um_work_copy_columns, um_work_spread2x, um_work_gather2x,
    um_work_sum_pixels, um_work_sum_squares, um_work_all_finite, um_work_loss, um_work_loss_vjp,
    um_work_adam_step, um_work_dropout, um_work_embedding, um_work_embedding_vjp, um_work_peak;

#endif
