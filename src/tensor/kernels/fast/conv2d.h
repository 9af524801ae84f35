/* SPDX-License-Identifier: MIT
 * conv2d.h - the ways to convolve among which conv2d.c chooses. Each has the three passes of the
 * contract and the scratch that suffices for them. */
#ifndef UM_FAST_CONV2D_H
#define UM_FAST_CONV2D_H

#include "tensor/kernels/fast/block.h"

/* any shape: patches of the image times the filters */
um_conv2d_fn TIER(direct);
um_conv2d_dx_fn TIER(direct_dx);
um_conv2d_dw_fn TIER(direct_dw);
um_conv2d_scratch_fn TIER(direct_scratch);

/* k = 3, stride 1, pads 1: Winograd's F(4x4, 3x3) */
um_conv2d_fn TIER(winograd);
um_conv2d_dx_fn TIER(winograd_dx);
um_conv2d_dw_fn TIER(winograd_dw);
um_conv2d_scratch_fn TIER(winograd_scratch), TIER(winograd_dw_scratch);

/* the same in bf16 */
um_conv2d_fn TIER(direct_bf16);
um_conv2d_dx_fn TIER(direct_dx_bf16);
um_conv2d_dw_fn TIER(direct_dw_bf16);
um_conv2d_scratch_fn TIER(direct_scratch_bf16);

/* k = 3, stride 1, pads 1, in bf16: Winograd's F(2x2, 3x3); not with tiles of AMX, which are faster
 * at the plain product */
um_conv2d_fn TIER(winograd_bf16);
um_conv2d_dx_fn TIER(winograd_dx_bf16);
um_conv2d_dw_fn TIER(winograd_dw_bf16);
um_conv2d_scratch_fn TIER(winograd_scratch_bf16), TIER(winograd_dw_scratch_bf16);

/* of one pass over all images */
INLINE double conv2d_multiply_adds(const um_conv2d_shape *s)
{
    const double taps = (double)s->k * s->k * s->ci * s->co;
    return taps * s->n * um_conv2d_out(s, s->h) * um_conv2d_out(s, s->w);
}

/* A 1 x 1 convolution is the product of pixels (n h w x ci) and w (ci x co). */
INLINE um_gemm forward_product(const um_conv2d_shape *s)
{
    return (um_gemm){ .m = s->n * s->h * s->w,
                      .n = s->co,
                      .k = s->ci,
                      .a_row = s->ci,
                      .a_col = 1,
                      .b_row = s->co,
                      .b_col = 1,
                      .c_row = s->co,
                      .precision = s->precision };
}
INLINE um_gemm dx_product(const um_conv2d_shape *s)
{
    return (um_gemm){ .m = s->n * s->h * s->w,
                      .n = s->ci,
                      .k = s->co,
                      .a_row = s->co,
                      .a_col = 1,
                      .b_row = 1,
                      .b_col = s->co,
                      .c_row = s->ci,
                      .precision = s->precision };
}
INLINE um_gemm dw_product(const um_conv2d_shape *s)
{
    return (um_gemm){ .m = s->ci,
                      .n = s->co,
                      .k = s->n * s->h * s->w,
                      .a_row = 1,
                      .a_col = s->ci,
                      .b_row = s->co,
                      .b_col = 1,
                      .c_row = s->co,
                      .precision = s->precision };
}

#endif
