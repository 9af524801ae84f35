/* SPDX-License-Identifier: MIT
 * resample.h - nearest upsampling by 2, average pooling by 2, and their adjoints, NHWC.
 * h, w, c are those of the small image; the large one is 2h x 2w. Nothing aliases.
 *
 *     upsample2x: large[2p+i][2q+j] = small[p][q]          its adjoint sums the four
 *     pool2x:     small[p][q] = mean of the four           its adjoint gives each a quarter
 *
 * so with `weight` 1 and 1/4 two kernels serve all four. */
#ifndef UM_KERNEL_RESAMPLE_H
#define UM_KERNEL_RESAMPLE_H

#include "base/base.h"

/* large (+)= weight * small, each pixel four times */
typedef void um_spread2x_fn(int n, int h, int w, int c, um_real weight, const um_real *small,
                            um_real *large, bool add);

/* small (+)= weight * the sum of four pixels of large */
typedef void um_gather2x_fn(int n, int h, int w, int c, um_real weight, const um_real *large,
                            um_real *small, bool add);

#endif
