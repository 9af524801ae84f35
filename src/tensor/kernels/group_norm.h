/* SPDX-License-Identifier: MIT
 * group_norm.h - GroupNorm (Wu and He, arXiv 1803.08494), alone or followed by SiLU
 *
 *     xhat = (x + offset[c] - mean) * rstd,   z = gamma[c] * xhat + beta[c]
 *     y = z  or  y = z * sigmoid(z)
 *
 * with mean and variance of x + offset over the hw * (c / groups) numbers of each image and group,
 * and rstd = 1 / sqrt(variance + eps). x, y (n, hw, c); y may alias x. offset (n, c), such as what
 * a time embedding adds to every pixel, or NULL for 0. mean, rstd (n, groups) are written by the
 * forward pass and read by the vjp. c % groups == 0. An image's bits do not depend on n or
 * threads. */
#ifndef UM_KERNEL_GROUP_NORM_H
#define UM_KERNEL_GROUP_NORM_H

#include "base/base.h"

typedef struct um_group_norm_shape {
    int n, hw, c, groups;
    double eps;
    bool silu;
} um_group_norm_shape;

typedef void um_group_norm_fn(const um_group_norm_shape *s, const um_real *x, const um_real *offset,
                              const um_real *gamma, const um_real *beta, um_real *y, um_real *mean,
                              um_real *rstd);

/* dx, doffset, dgamma, dbeta: NULL where nobody asks. doffset (n, c) is the sum over pixels of what
 * dx is or would be. scratch: um_group_norm_scratch reals. */
typedef struct um_group_norm_grads {
    um_real *dx, *doffset, *dgamma, *dbeta;
    bool add_dx, add_doffset, add_dgamma, add_dbeta;
} um_group_norm_grads;

typedef void um_group_norm_vjp_fn(const um_group_norm_shape *s, const um_group_norm_grads *out,
                                  const um_real *dy, const um_real *x, const um_real *offset,
                                  const um_real *gamma, const um_real *beta, const um_real *mean,
                                  const um_real *rstd, um_real *scratch);

typedef size_t um_group_norm_scratch_fn(const um_group_norm_shape *s, int threads);

#endif
