/* SPDX-License-Identifier: MIT
 * kernels.h - the one list of kernels, and the table of those chosen for this processor.
 *
 * A kernel `name` has the contract um_name_fn in one of the headers below, its readable definition
 * um_name_scalar in scalar/, and, where the list says FAST, one source in fast/ in vector
 * extensions that is compiled once for each instruction set: um_name_portable, um_name_avx2,
 * um_name_avx512. What the list says is MIXED has two such sources, um_name_f32_avx2 and
 * um_name_bf16_avx2, one for each precision; fast/mixed.c chooses. */
#ifndef UM_KERNELS_H
#define UM_KERNELS_H

#include "tensor/kernels/activation.h"
#include "tensor/kernels/attention.h"
#include "tensor/kernels/conv2d.h"
#include "tensor/kernels/dropout.h"
#include "tensor/kernels/elementwise.h"
#include "tensor/kernels/embedding.h"
#include "tensor/kernels/gemm.h"
#include "tensor/kernels/group_norm.h"
#include "tensor/kernels/loss.h"
#include "tensor/kernels/optimize.h"
#include "tensor/kernels/peak.h"
#include "tensor/kernels/precision.h"
#include "tensor/kernels/reduce.h"
#include "tensor/kernels/resample.h"
#include "tensor/kernels/softmax.h"

#define UM_KERNELS(MIXED, FAST, SCALAR)                                                   \
    MIXED(gemm) MIXED(gemm_scratch)                                                       \
    MIXED(conv2d) MIXED(conv2d_dx) MIXED(conv2d_dw) MIXED(conv2d_scratch)                 \
    FAST(attention) FAST(attention_vjp) FAST(attention_scratch)                           \
    FAST(group_norm) FAST(group_norm_vjp) FAST(group_norm_scratch)                        \
    FAST(softmax) FAST(softmax_vjp)                                                       \
    FAST(activate) FAST(activate_vjp)                                                     \
    FAST(lincomb) FAST(multiply)                                                          \
    FAST(scale_shift) FAST(scale_shift_vjp) FAST(copy_columns)                            \
    FAST(spread2x) FAST(gather2x)                                                         \
    FAST(sum_pixels) FAST(sum_squares) FAST(all_finite)                                   \
    FAST(loss) FAST(loss_vjp)                                                             \
    FAST(adam_step)                                                                       \
    FAST(dropout) SCALAR(embedding) SCALAR(embedding_vjp)                                 \
    FAST(peak)

typedef struct um_kernels {
    const char *isa; /* the tier in use: "scalar", "portable", "avx2" ... */
#define FIELD(name) um_##name##_fn *name;
    UM_KERNELS(FIELD, FIELD, FIELD)
#undef FIELD
} um_kernels;

/* Choose the kernels of ctx: "auto" (the best that the processor has), or a tier by name.
 * UM_BAD_ARG for a tier that is unknown or that this processor or build lacks; says which there
 * are. */
um_status um_kernels_choose(um_ctx *ctx, const char *isa);

/* The i-th tier that this processor and build have, from "scalar" on; NULL behind the last. */
const um_kernels *um_kernels_tier(int i);

/* The name of the i-th kernel of the list, NULL behind the last (tests go through all of them). */
const char *um_kernel_name(int i);

#endif
