/* SPDX-License-Identifier: MIT
 * variational.c - a term of the variational bound, in bits a dimension, for a network that says the
 * variance too (Nichol and Dhariwal 2021, section 3.1; Ho et al. 2020, eq. 5 and 13). With
 * l = log of the model's variance between its bounds, d = the error of the predicted x0:
 *
 *     t > 0   KL(q(x_{t-1} | x_t, x0) || p) = (l - l~ - 1 + exp(l~ - l) + (m d)^2 exp(-l)) / 2
 *     t = 0   -log of what N(x0 + d, exp(l)) gives to the step of 2/255 around x0, one that reaches
 *             to infinity at the black and the white end */
#include "autograd/ops/common.h"

#include <math.h>

/* The entries of a row (ops.h). */
enum { OF_X, OF_ANSWER, MEAN_X0, LOG_BETA, LOG_POSTERIOR, AT_ZERO };

/* Half of the step between two gray values, and what is far enough to be an end, as in the authors'
 * code; the least probability, which keeps the logarithm finite. */
static const double half_step = 1.0 / 255, ends = 0.999, least = 1e-12;

/* The term of one number and its slope in l. */
typedef struct term {
    double value, slope;
} term;

static term divergence(double l, double posterior, double error)
{
    const double ratio = exp(posterior - l), distance = error * error * exp(-l);
    return (term){ 0.5 * (l - posterior - 1 + ratio + distance), 0.5 * (1 - ratio - distance) };
}

/* Probability above z of a standard normal number, and z times its density. */
static double above(double z) { return 0.5 * erfc(z * M_SQRT1_2); }

static double moment(double z)
{
    return isinf(z) ? 0 : z * exp(-0.5 * z * z) * (0.5 * M_2_SQRTPI * M_SQRT1_2);
}

/* low and high: the ends of the step in units of the deviation; each one's slope in l is -1/2. */
static term decoding(double l, double x0, double d)
{
    const double narrow = exp(-0.5 * l);
    double low = x0 < -ends ? -INFINITY : (-d - half_step) * narrow;
    double high = x0 > ends ? INFINITY : (-d + half_step) * narrow;
    if (low + high < 0) { /* its mirror image: a difference of small numbers keeps its digits */
        const double end = -low;
        low = -high;
        high = end;
    }
    const double p = above(low) - above(high);
    return (term){ -log(fmax(p, least)),
                   p > least ? 0.5 * (moment(high) - moment(low)) / p : 0 };
}

/* One number: v in [-1, 1] lies between the logarithms of the posterior's variance and beta. */
static term term_of(const um_real *row, double mean, double v, double x0, double xt)
{
    const double part = 0.5 * (v + 1), span = (double)row[LOG_BETA] - (double)row[LOG_POSTERIOR];
    const double l = (double)row[LOG_POSTERIOR] + part * span;
    const double d = (double)row[OF_X] * xt + (double)row[OF_ANSWER] * mean - x0;
    const term of = row[AT_ZERO] != 0
                        ? decoding(l, x0, d)
                        : divergence(l, (double)row[LOG_POSTERIOR], (double)row[MEAN_X0] * d);
    return (term){ of.value * M_LOG2E, of.slope * 0.5 * span * M_LOG2E };
}

static void forward(um_tape *t, const um_node *node)
{
    const um_shape s = um_shape_of(t, node->in[1]);
    const size_t c = (size_t)s.c, per = (size_t)s.h * (size_t)s.w * c;
    const um_real *answer = um_data(t, node->in[0]), *x0 = um_data(t, node->in[1]);
    const um_real *xt = um_data(t, node->in[2]), *rows = um_data(t, node->in[3]);
    for (size_t n = 0; n < (size_t)s.n; n++) {
        double sum = 0;
        for (size_t i = n * per; i < (n + 1) * per; i++) {
            const um_real *both = answer + i / c * 2 * c + i % c; /* mean, and c further variance */
            sum += term_of(rows + n * UM_VARIATIONAL_ROW, (double)both[0], (double)both[c],
                           (double)x0[i], (double)xt[i])
                       .value;
        }
        um_data(t, node->out)[n] = (um_real)(sum / (double)per);
    }
}

/* The mean is left to the simple loss: here it counts as a constant (eq. 16 and what follows). */
static void vjp(um_tape *t, const um_node *node)
{
    const um_shape s = um_shape_of(t, node->in[1]);
    const size_t c = (size_t)s.c, per = (size_t)s.h * (size_t)s.w * c;
    const um_real *answer = um_data(t, node->in[0]), *x0 = um_data(t, node->in[1]);
    const um_real *xt = um_data(t, node->in[2]), *rows = um_data(t, node->in[3]);
    const um_real *dy = um_grad(t, node->out);
    const um_into into = um_grad_into(t, node->in[0]);
    for (size_t i = 0; into.at && i < (size_t)s.n * per; i++) {
        const size_t n = i / per, at = i / c * 2 * c + i % c;
        const term of = term_of(rows + n * UM_VARIATIONAL_ROW, (double)answer[at],
                                (double)answer[at + c], (double)x0[i], (double)xt[i]);
        const double slope = (double)dy[n] * of.slope / (double)per;
        if (!into.add) into.at[at] = 0;
        into.at[at + c] = (um_real)((into.add ? (double)into.at[at + c] : 0) + slope);
    }
}

static const um_op op = { "variational", 4, 0xf, forward, vjp };

um_var um_variational(um_tape *t, um_var answer, um_var x0, um_var xt, um_var rows)
{
    const um_shape a = um_shape_of(t, answer), s = um_shape_of(t, x0), r = um_shape_of(t, rows);
    if (!um_shape_same(um_shape_of(t, xt), s) ||
        !um_shape_same(a, (um_shape){ s.n, s.h, s.w, 2 * s.c }) ||
        !um_shape_same(r, (um_shape){ s.n, 1, 1, s.n ? UM_VARIATIONAL_ROW : 0 }))
        return um_tape_fail(t, UM_BAD_SHAPE,
                            "variational: [%d, %d, %d, %d] for images [%d, %d, %d, %d] with rows "
                            "of %d (twice the channels, rows of %d)",
                            a.n, a.h, a.w, a.c, s.n, s.h, s.w, s.c, r.c, UM_VARIATIONAL_ROW);
    return um_tape_push(t, &op, (um_var[]){ answer, x0, xt, rows }, (um_shape){ s.n, 1, 1, 1 },
                        NULL, 0);
}
