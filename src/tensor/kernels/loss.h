/* SPDX-License-Identifier: MIT
 * loss.h - the distance of a prediction from its target, for each image, d = prediction - target:
 *
 *     mse d^2    l1 |d|    huber (delta) d^2 / 2 for |d| <= delta, else delta (|d| - delta / 2)
 *
 * loss[i] = mean over the `per` numbers of image i, summed in double in a fixed order.
 * vjp: dprediction (+)= scale[i] / per * f'(d). */
#ifndef UM_KERNEL_LOSS_H
#define UM_KERNEL_LOSS_H

#include "base/base.h"

typedef enum um_loss_kind { UM_LOSS_MSE, UM_LOSS_L1, UM_LOSS_HUBER } um_loss_kind;

typedef void um_loss_fn(um_loss_kind kind, double delta, int n, size_t per,
                        const um_real *prediction, const um_real *target, um_real *loss);
typedef void um_loss_vjp_fn(um_loss_kind kind, double delta, int n, size_t per,
                            const um_real *scale, const um_real *prediction, const um_real *target,
                            um_real *dprediction, bool add);

#endif
