/* SPDX-License-Identifier: MIT
 * elementwise.h - sums and products of whole tensors and of a value for each channel.
 * Outputs may alias inputs of the same shape. */
#ifndef UM_KERNEL_ELEMENTWISE_H
#define UM_KERNEL_ELEMENTWISE_H

#include "base/base.h"

/* y = alpha * a + beta * b; b may be NULL (then y = alpha * a). With alpha = 0 a is not read. */
typedef void um_lincomb_fn(size_t count, um_real alpha, const um_real *a, um_real beta,
                           const um_real *b, um_real *y);

/* y (+)= a * b */
typedef void um_multiply_fn(size_t count, const um_real *a, const um_real *b, um_real *y, bool add);

/* y[n][p][c] = x[n][p][c] * (1 + s[n][c]) + s[n][C + c], s (n, 2 C): a scale and a shift for each
 * channel, as adaptive group normalisation has them (Dhariwal and Nichol, arXiv 2105.05233). */
typedef void um_scale_shift_fn(int n, int hw, int c, const um_real *x, const um_real *s,
                               um_real *y);

/* dx (+)= dy * (1 + s), ds (+)= (sum_p dy * x, sum_p dy); either may be NULL. */
typedef void um_scale_shift_vjp_fn(int n, int hw, int c, const um_real *dy, const um_real *x,
                                   const um_real *s, um_real *dx, bool add_dx, um_real *ds,
                                   bool add_ds);

/* y[i][y_at + j] (+)= x[i][x_at + j], j < c: columns between matrices of y_c and x_c columns. */
typedef void um_copy_columns_fn(size_t rows, int c, const um_real *x, int x_c, int x_at, um_real *y,
                                int y_c, int y_at, bool add);

#endif
