/* SPDX-License-Identifier: MIT
 * attention.h - scaled dot-product attention (Vaswani et al., arXiv 1706.03762, eq. 1), each head
 *
 *     S = scale * q k^T,   P = softmax over keys of S,   o = P v
 *
 * q, k, v, o (n, tokens, heads * dim), head h in columns h*dim .. (h+1)*dim - 1. lse (n, heads,
 * tokens) is log sum exp of each row of S, written by the forward pass and read by the vjp, which
 * makes P again from it: no tokens x tokens matrix outlives a call. An image's bits do not depend
 * on n or threads. */
#ifndef UM_KERNEL_ATTENTION_H
#define UM_KERNEL_ATTENTION_H

#include "base/base.h"

typedef struct um_attention_shape {
    int n, tokens, heads, dim;
    double scale;
} um_attention_shape;

typedef void um_attention_fn(const um_attention_shape *s, const um_real *q, const um_real *k,
                             const um_real *v, um_real *o, um_real *lse, um_real *scratch);

/* dq, dk, dv: NULL where nobody asks. */
typedef struct um_attention_grads {
    um_real *dq, *dk, *dv;
    bool add_dq, add_dk, add_dv;
} um_attention_grads;

typedef void um_attention_vjp_fn(const um_attention_shape *s, const um_attention_grads *out,
                                 const um_real *dout, const um_real *q, const um_real *k,
                                 const um_real *v, const um_real *o, const um_real *lse,
                                 um_real *scratch);

/* Reals of scratch that suffice for both. */
typedef size_t um_attention_scratch_fn(const um_attention_shape *s, int threads);

#endif
