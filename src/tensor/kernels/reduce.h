/* SPDX-License-Identifier: MIT
 * reduce.h - sums. Each is made of fixed blocks in a fixed order: the bits do not depend on
 * threads. */
#ifndef UM_KERNEL_REDUCE_H
#define UM_KERNEL_REDUCE_H

#include "base/base.h"

/* y[n][c] (+)= sum_p x[n][p][c]; the bias gradient of a layer is n = 1. */
typedef void um_sum_pixels_fn(int n, size_t hw, int c, const um_real *x, um_real *y, bool add);

/* sum of x^2, accumulated in double */
typedef double um_sum_squares_fn(size_t count, const um_real *x);

/* whether no element is an infinity or a NaN */
typedef bool um_all_finite_fn(size_t count, const um_real *x);

#endif
