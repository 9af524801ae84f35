/* SPDX-License-Identifier: MIT
 * optimize.c - the definition of one step of Adam and AdamW. */
#include "tensor/kernels/kernels.h"

#include <math.h>

um_adam_step_fn um_adam_step_scalar;

void um_adam_step_scalar(const um_adam *a, size_t count, const um_real *grad, um_real *p,
                         um_real *m, um_real *v, um_real *ema)
{
    const double rate = a->lr / a->bias1, root_bias2 = sqrt(a->bias2);
    const double keep = a->decoupled ? 1 - a->lr * a->weight_decay : 1;
    const double pull = a->decoupled ? 0 : a->weight_decay;
    for (size_t i = 0; i < count; i++) {
        const double g = grad[i] * a->grad_scale + pull * p[i];
        m[i] = (um_real)(a->beta1 * m[i] + (1 - a->beta1) * g);
        v[i] = (um_real)(a->beta2 * v[i] + (1 - a->beta2) * g * g);
        p[i] = (um_real)(p[i] * keep - rate * m[i] / (sqrt(v[i]) / root_bias2 + a->eps));
        if (ema) ema[i] = (um_real)(ema[i] + (1 - a->ema_decay) * ((double)p[i] - ema[i]));
    }
}
