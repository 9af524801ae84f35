/* SPDX-License-Identifier: MIT
 * res_block.h - the residual block of DDPM's U-Net (arXiv 2006.11239, appendix B), after improved
 * DDPM (2102.09672) with scale-shift, and with the resampling inside that BigGAN has.
 *
 *     h = conv1(resample(act(norm1(x)))) + time_emb_proj(act(emb))
 *     y = (shortcut(resample(x)) + conv2(dropout(act(norm2(h))))) / scale
 *
 * With scale-shift the time does not add to h: norm2(h) (1 + s) + b, where (s, b) =
 * time_emb_proj(act(emb)). */
#ifndef UM_RES_BLOCK_H
#define UM_RES_BLOCK_H

#include "nn/conv.h"
#include "nn/linear.h"
#include "nn/norm.h"

typedef enum um_resample { UM_RESAMPLE_NONE, UM_RESAMPLE_DOWN, UM_RESAMPLE_UP } um_resample;

typedef struct um_res_settings {
    int in, out; /* channels */
    int emb;     /* width of the time embedding */
    int groups;
    double eps;
    um_activation act;
    double dropout;
    bool scale_shift;
    double scale; /* what the sum is divided by */
    um_resample resample;
} um_res_settings;

typedef struct um_res_block {
    um_res_settings settings;
    um_norm norm1, norm2;
    um_conv conv1, conv2, conv_shortcut; /* the last where in differs from out */
    um_linear_layer time_emb_proj;
} um_res_block;

/* conv2 starts at zero, so that the block begins as its shortcut. */
void um_res_init(um_res_block *b, const um_res_settings *s);

void um_res_visit(um_res_block *b, um_visitor *v);

/* x [n, h, w, in]; emb [n, 1, 1, width], the time embedding after the activation (every block needs
 * the same, so it is applied once outside) -> [n, h', w', out] */
um_var um_res_apply(um_tape *t, const um_res_block *b, um_var x, um_var emb);

#endif
