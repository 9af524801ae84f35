/* SPDX-License-Identifier: MIT
 * attention_block.h - self-attention between the pixels of an image, as a residual (DDPM, appendix
 * B).
 *
 *     h = norm(x);  y = (x + to_out(attention(to_q(h), to_k(h), to_v(h)))) / scale */
#ifndef UM_ATTENTION_BLOCK_H
#define UM_ATTENTION_BLOCK_H

#include "nn/linear.h"
#include "nn/norm.h"

typedef struct um_attention_settings {
    int channels;
    int head_dim; /* 0, or more than the channels: one head over all channels */
    int groups;   /* of the norm; 0: no norm                                  */
    double eps;
    double scale; /* what the sum is divided by */
} um_attention_settings;

typedef struct um_attention_block {
    bool normed;
    um_norm group_norm;
    um_linear_layer to_q, to_k, to_v, to_out;
    int heads;
    double scale;
} um_attention_block;

/* channels / head_dim heads; where head_dim does not divide the channels the heads cover fewer.
 * to_out starts at zero. */
void um_attention_init(um_attention_block *b, const um_attention_settings *s);

void um_attention_visit(um_attention_block *b, um_visitor *v);

/* [n, h, w, c] -> the same shape */
um_var um_attention_apply(um_tape *t, const um_attention_block *b, um_var x);

#endif
