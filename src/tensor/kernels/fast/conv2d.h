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

/* of one pass over all images */
INLINE double conv2d_multiply_adds(const um_conv2d_shape *s)
{
    const double taps = (double)s->k * s->k * s->ci * s->co;
    return taps * s->n * um_conv2d_out(s, s->h) * um_conv2d_out(s, s->w);
}

#endif
