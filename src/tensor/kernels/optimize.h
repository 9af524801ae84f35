/* SPDX-License-Identifier: MIT
 * optimize.h - Adam (Kingma and Ba, arXiv 1412.6980, algorithm 1) and AdamW (Loshchilov and Hutter,
 * arXiv 1711.05101, algorithm 2) in one pass over memory, with PyTorch's order of operations:
 *
 *     g' = g * grad_scale (+ weight_decay * p for Adam)
 *     m = beta1 m + (1 - beta1) g',   v = beta2 v + (1 - beta2) g'^2
 *     p = p (1 - lr weight_decay)     for AdamW
 *     p -= lr / bias1 * m / (sqrt(v) / sqrt(bias2) + eps),   bias_i = 1 - beta_i^step
 *     ema = ema + (1 - ema_decay) (p - ema)                  where ema is not NULL */
#ifndef UM_KERNEL_OPTIMIZE_H
#define UM_KERNEL_OPTIMIZE_H

#include "base/base.h"

typedef struct um_adam {
    double lr, beta1, beta2, eps, weight_decay, bias1, bias2, grad_scale, ema_decay;
    bool decoupled; /* AdamW */
} um_adam;

typedef void um_adam_step_fn(const um_adam *a, size_t count, const um_real *grad, um_real *p,
                             um_real *m, um_real *v, um_real *ema);

#endif
