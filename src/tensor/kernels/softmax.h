/* SPDX-License-Identifier: MIT
 * softmax.h - y[i][:] = exp(x[i][:] - max) / sum, for each of `rows` rows of `c`; y may alias x.
 * vjp: dx (+)= y * (dy - sum(y * dy)). */
#ifndef UM_KERNEL_SOFTMAX_H
#define UM_KERNEL_SOFTMAX_H

#include "base/base.h"

typedef void um_softmax_fn(size_t rows, int c, const um_real *x, um_real *y);
typedef void um_softmax_vjp_fn(size_t rows, int c, const um_real *dy, const um_real *y, um_real *dx,
                               bool add);

#endif
