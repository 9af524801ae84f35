/* SPDX-License-Identifier: MIT
 * fourier_embedding.c - sinusoids of the logarithm of a noise level, at random fixed frequencies:
 *
 *     angle[i] = 2 pi w[i] log(timestep),   y = (sin angle, cos angle)
 *
 * Each intermediate is rounded to um_real where PyTorch rounds. */
#include "autograd/ops/common.h"

#include <math.h>

static void forward(um_tape *t, const um_node *node)
{
    const bool *flip = node->saved;
    const um_shape d = um_shape_of(t, node->out);
    const int half = d.c / 2, sin_at = *flip ? half : 0, cos_at = *flip ? 0 : half;
    const um_real *timestep = um_data(t, node->in[0]), *w = um_data(t, node->in[1]);
    um_real *y = um_data(t, node->out);
    for (int n = 0; n < d.n; n++, y += d.c) {
        const um_real level = (um_real)log(timestep[n]);
        for (int i = 0; i < half; i++) {
            const um_real turns = level * w[i];
            const um_real angle = turns * 2 * (um_real)M_PI;
            y[sin_at + i] = (um_real)sin(angle);
            y[cos_at + i] = (um_real)cos(angle);
        }
    }
}

static const um_op op = { "fourier_embedding", 2, 0, forward, NULL };

um_var um_fourier_embedding(um_tape *t, um_var timestep, um_var w, bool flip)
{
    const um_shape s = um_shape_of(t, timestep), f = um_shape_of(t, w);
    if (!um_shape_same(s, (um_shape){ s.n, 1, 1, 1 }) || !um_is_vector(f, f.c) ||
        f.c > INT32_MAX / 2)
        return um_tape_fail(t, UM_BAD_SHAPE,
                            "fourier_embedding: [%d, %d, %d, %d], [%d, %d, %d, %d] "
                            "(one number an image, one vector of frequencies)",
                            s.n, s.h, s.w, s.c, f.n, f.h, f.w, f.c);
    return um_tape_push(t, &op, (um_var[]){ timestep, w }, (um_shape){ s.n, 1, 1, 2 * f.c }, &flip,
                        sizeof flip);
}
