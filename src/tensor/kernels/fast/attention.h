/* SPDX-License-Identifier: MIT
 * attention.h - what the two ways to attend share. Which serves is a matter of the head's width
 * alone: attention.c has the choice. */
#ifndef UM_FAST_ATTENTION_H
#define UM_FAST_ATTENTION_H

#include "tensor/kernels/fast/block.h"

/* heads so narrow that a row of queries would not fill the products' vectors */
um_attention_fn TIER(attention_narrow);
um_attention_vjp_fn TIER(attention_narrow_vjp);
um_attention_scratch_fn TIER(attention_narrow_scratch);

/* floats between tokens, and at the head's start */
INLINE ptrdiff_t token_row(const um_attention_shape *s)
{
    return (ptrdiff_t)s->heads * s->dim;
}
INLINE size_t head_at(const um_attention_shape *s, int head)
{
    return (size_t)(head / s->heads) * s->tokens * token_row(s) +
           (size_t)(head % s->heads) * s->dim;
}

INLINE double attention_multiply_adds(const um_attention_shape *s)
{
    return 2.0 * s->n * s->heads * s->dim * s->tokens * s->tokens;
}

#endif
