/* SPDX-License-Identifier: MIT
 * dropout.h - y[i] (+)= x[i] / (1 - rate) with probability 1 - rate, else 0; the same mask for the
 * same random source, so its vjp is itself applied to dy. 0 < rate < 1; y may alias x. */
#ifndef UM_KERNEL_DROPOUT_H
#define UM_KERNEL_DROPOUT_H

#include "base/random.h"

typedef void um_dropout_fn(size_t count, um_real rate, const um_random *source, const um_real *x,
                           um_real *y, bool add);

#endif
