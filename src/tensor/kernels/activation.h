/* SPDX-License-Identifier: MIT
 * activation.h - elementwise non-linearities and their derivatives; y may alias x
 *
 *     silu  x sigmoid(x)     mish  x tanh(log(1 + exp x))     gelu  x Phi(x)     relu  max(x, 0) */
#ifndef UM_KERNEL_ACTIVATION_H
#define UM_KERNEL_ACTIVATION_H

#include "base/base.h"

typedef enum um_activation { UM_SILU, UM_MISH, UM_GELU, UM_RELU } um_activation;

typedef void um_activate_fn(um_activation kind, size_t count, const um_real *x, um_real *y);

/* dx (+)= dy * f'(x) */
typedef void um_activate_vjp_fn(um_activation kind, size_t count, const um_real *dy,
                                const um_real *x, um_real *dx, bool add);

#endif
