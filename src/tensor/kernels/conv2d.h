/* SPDX-License-Identifier: MIT
 * conv2d.h - two-dimensional cross-correlation with its two adjoints, NHWC
 *
 *     y[n][p][q][o] = bias[o] + sum_{i, j, c} x[n][p*stride + i - pad][q*stride + j - pad][c]
 *                                             w[i][j][c][o]
 *
 * x [n, h, w, ci], w [k, k, ci, co], y [n, ho, wo, co]; pixels outside are zeros. `pad` zeros stand
 * before each row and column and `pad_end` behind, so ho = (h + pad + pad_end - k) / stride + 1.
 * Sizes are at least 1; 0 <= pad, pad_end < k. Nothing aliases. scratch: um_conv2d_scratch reals,
 * aligned to 64.
 *
 * x, w and dy are rounded to `precision` before they are multiplied, or, where the algorithm
 * transforms them first, after that; bias, sums and results are not.
 *
 * An image's y and dx do not depend, to the bit, on n or on the number of threads: the algorithm is
 * chosen by h, w, ci, co, k, stride, pads and precision alone. */
#ifndef UM_KERNEL_CONV2D_H
#define UM_KERNEL_CONV2D_H

#include "tensor/kernels/precision.h"

typedef struct um_conv2d_shape {
    int n, h, w, ci, co, k, stride, pad, pad_end;
    um_precision precision;
} um_conv2d_shape;

static inline int um_conv2d_out(const um_conv2d_shape *s, int length)
{
    return (length + s->pad + s->pad_end - s->k) / s->stride + 1;
}

/* bias [co] or NULL */
typedef void um_conv2d_fn(const um_conv2d_shape *s, const um_real *x, const um_real *w,
                          const um_real *bias, um_real *y, um_real *scratch);

/* dx (+)= the adjoint in x applied to dy */
typedef void um_conv2d_dx_fn(const um_conv2d_shape *s, const um_real *dy, const um_real *w,
                             um_real *dx, bool add, um_real *scratch);

/* dw (+)= the adjoint in w applied to dy */
typedef void um_conv2d_dw_fn(const um_conv2d_shape *s, const um_real *x, const um_real *dy,
                             um_real *dw, bool add, um_real *scratch);

/* Reals of scratch that suffice for each of the three. */
typedef size_t um_conv2d_scratch_fn(const um_conv2d_shape *s, int threads);

#endif
