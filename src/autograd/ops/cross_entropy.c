/* SPDX-License-Identifier: MIT
 * cross_entropy.c - minus the logarithm of the softmax at the label; the gradient of the logits is
 * the softmax less one at the label. */
#include "autograd/ops/common.h"

#include <math.h>

/* As in a table: a number outside takes the nearest. */
static int class_of(um_real label, int classes)
{
    return label >= 1 ? (int)fmin((double)label, classes - 1) : 0;
}

/* log of the sum of exponentials, the largest taken out. */
static double log_sum(const um_real *x, int classes)
{
    double most = (double)x[0], sum = 0;
    for (int k = 1; k < classes; k++) most = fmax(most, (double)x[k]);
    for (int k = 0; k < classes; k++) sum += exp((double)x[k] - most);
    return most + log(sum);
}

static void forward(um_tape *t, const um_node *node)
{
    const um_shape s = um_shape_of(t, node->in[0]);
    for (int n = 0; n < s.n; n++) {
        const um_real *x = um_data(t, node->in[0]) + n * s.c;
        const int label = class_of(um_data(t, node->in[1])[n], s.c);
        um_data(t, node->out)[n] = (um_real)(log_sum(x, s.c) - (double)x[label]);
    }
}

static void vjp(um_tape *t, const um_node *node)
{
    const um_shape s = um_shape_of(t, node->in[0]);
    const um_into dx = um_grad_into(t, node->in[0]);
    for (int n = 0; dx.at && n < s.n; n++) {
        const um_real *x = um_data(t, node->in[0]) + n * s.c;
        const int label = class_of(um_data(t, node->in[1])[n], s.c);
        const double log_all = log_sum(x, s.c), dy = (double)um_grad(t, node->out)[n];
        for (int k = 0; k < s.c; k++) {
            um_real *to = dx.at + n * s.c + k;
            const double slope = dy * (exp((double)x[k] - log_all) - (k == label));
            *to = (um_real)((dx.add ? (double)*to : 0) + slope);
        }
    }
}

static const um_op op = { "cross_entropy", 2, 1 << 0 | 1 << 1, forward, vjp };

um_var um_cross_entropy(um_tape *t, um_var logits, um_var labels)
{
    const um_shape x = um_shape_of(t, logits), y = um_shape_of(t, labels);
    if (x.h != 1 || x.w != 1 || !um_shape_same(y, (um_shape){ x.n, 1, 1, 1 }))
        return um_tape_fail(t, UM_BAD_SHAPE,
                            "cross_entropy: [%d, %d, %d, %d] and labels [%d, %d, %d, %d] (a row "
                            "and a number for each image)",
                            x.n, x.h, x.w, x.c, y.n, y.h, y.w, y.c);
    return um_tape_push(t, &op, (um_var[]){ logits, labels }, y, NULL, 0);
}
