/* SPDX-License-Identifier: MIT
 * optimize.c - Adam and AdamW in one pass over memory. Weight decay is a subtraction, p -= lr
 * decay p, for in float 1 - lr decay would keep a few digits of lr decay only. */
#include "tensor/kernels/fast/each.h"
#include "tensor/kernels/fast/tier.h"
#include "tensor/kernels/fast/vmath.h"

#include <math.h>

/* um_adam as the loop wants it */
struct step {
    float grad_scale, pull, decay, beta1, gain1, beta2, gain2, rate, root, eps, ema_gain;
};

static void step(const struct step *s, ptrdiff_t n, const float *grad, float *p, float *m, float *v,
                 float *ema)
{
    EACH_VECTOR(i, lanes, n, {
        const vf p0 = ldn(p + i, lanes);
        const vf g = ldn(grad + i, lanes) * s->grad_scale + s->pull * p0;
        const vf m1 = s->beta1 * ldn(m + i, lanes) + s->gain1 * g;
        const vf v1 = s->beta2 * ldn(v + i, lanes) + s->gain2 * g * g;
        const vf p1 = p0 - (s->decay * p0 + s->rate * m1 / (vsqrt(v1) * s->root + s->eps));
        stn(m + i, m1, lanes);
        stn(v + i, v1, lanes);
        stn(p + i, p1, lanes);
        if (ema) {
            const vf e = ldn(ema + i, lanes);
            stn(ema + i, e + s->ema_gain * (p1 - e), lanes);
        }
    });
}

void TIER(adam_step)(const um_adam *a, size_t count, const float *grad, float *p, float *m,
          float *v, float *ema)
{
    const struct step s = {
        .grad_scale = (float)a->grad_scale,
        .pull = a->decoupled ? 0 : (float)a->weight_decay,
        .decay = a->decoupled ? (float)(a->lr * a->weight_decay) : 0,
        .beta1 = (float)a->beta1,
        .gain1 = (float)(1 - a->beta1),
        .beta2 = (float)a->beta2,
        .gain2 = (float)(1 - a->beta2),
        .rate = (float)(a->lr / a->bias1),
        .root = (float)(1 / sqrt(a->bias2)),
        .eps = (float)a->eps,
        .ema_gain = (float)(1 - a->ema_decay),
    };
#pragma omp parallel for schedule(static) if (count > WORTH)
    for (size_t i = 0; i < count; i += BLOCK)
        step(&s, (ptrdiff_t)UM_MIN(BLOCK, count - i), grad + i, p + i, m + i, v + i,
             ema ? ema + i : NULL);
}
