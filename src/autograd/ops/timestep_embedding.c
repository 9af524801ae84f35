/* SPDX-License-Identifier: MIT
 * timestep_embedding.c - sinusoids of a timestep, with frequencies from 1 down to about 1 / 10000:
 *
 *     angle[i] = timestep * exp(-log(10000) i / (half - shift)),   y = (sin angle, cos angle)
 *
 * Each intermediate is rounded to um_real where PyTorch rounds: at timestep 999 the last bit of an
 * angle is 6e-5, and models were trained with that one. */
#include "autograd/ops/common.h"

#include <math.h>

typedef struct saved {
    bool flip;
    double shift;
} saved;

static void forward(um_tape *t, const um_node *node)
{
    const saved *s = node->saved;
    const um_shape d = um_shape_of(t, node->out);
    const int half = d.c / 2, sin_at = s->flip ? half : 0, cos_at = s->flip ? 0 : half;
    const um_real *timestep = um_data(t, node->in[0]);
    um_real *y = um_data(t, node->out);
    for (int n = 0; n < d.n; n++, y += d.c) {
        for (int i = 0; i < half; i++) {
            const um_real power = (um_real)-log(10000) * (um_real)i;
            const um_real exponent = power / (um_real)(half - s->shift);
            const um_real frequency = (um_real)exp(exponent);
            const um_real angle = timestep[n] * frequency;
            y[sin_at + i] = (um_real)sin(angle);
            y[cos_at + i] = (um_real)cos(angle);
        }
        if (d.c % 2) y[d.c - 1] = 0;
    }
}

static const um_op op = { "timestep_embedding", 1, 0, forward, NULL };

um_var um_timestep_embedding(um_tape *t, um_var timestep, int dim, bool flip, double shift)
{
    const um_shape s = um_shape_of(t, timestep);
    if (!um_shape_same(s, (um_shape){ s.n, 1, 1, 1 }))
        return um_tape_fail(t, UM_BAD_SHAPE,
                            "timestep_embedding: [%d, %d, %d, %d] (one number an image)", s.n, s.h,
                            s.w, s.c);
    if (dim < 2 || dim / 2 == shift)
        return um_tape_fail(t, UM_BAD_ARG, "timestep_embedding: %d channels, freq_shift %g "
                            "(at least 2 channels, half of them not the shift)", dim, shift);
    const saved record = { flip, shift };
    return um_tape_push(t, &op, &timestep, (um_shape){ s.n, 1, 1, dim }, &record, sizeof record);
}
