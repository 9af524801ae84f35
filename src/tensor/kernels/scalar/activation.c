/* SPDX-License-Identifier: MIT
 * activation.c - the definition of the non-linearities and of their slopes. */
#include "tensor/kernels/kernels.h"
#include "tensor/kernels/scalar/put.h"

#include <math.h>

um_activate_fn um_activate_scalar;
um_activate_vjp_fn um_activate_vjp_scalar;

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

static double silu(double x) { return x * sigmoid(x); }

static double silu_slope(double x)
{
    const double s = sigmoid(x);
    return s * (1 + x * (1 - s));
}

static double mish(double x) { return x * tanh(log1p(exp(x))); }

static double mish_slope(double x)
{
    const double t = tanh(log1p(exp(x)));
    return t + x * sigmoid(x) * (1 - t * t);
}

/* Phi(x), the distribution function of the normal law */
static double normal_below(double x) { return 0.5 * erfc(-x * M_SQRT1_2); }

static double gelu(double x) { return x * normal_below(x); }

static double gelu_slope(double x)
{
    const double density = 0.5 * M_2_SQRTPI * M_SQRT1_2 * exp(-0.5 * x * x);
    return normal_below(x) + x * density;
}

/* a NaN passes through both */
static double relu(double x) { return x <= 0 ? 0 : x; }
static double relu_slope(double x) { return x <= 0 ? 0 : 1; }

static const struct {
    double (*value)(double), (*slope)(double);
} functions[] = {
    [UM_SILU] = { silu, silu_slope },
    [UM_MISH] = { mish, mish_slope },
    [UM_GELU] = { gelu, gelu_slope },
    [UM_RELU] = { relu, relu_slope },
};

void um_activate_scalar(um_activation kind, size_t count, const um_real *x, um_real *y)
{
    for (size_t i = 0; i < count; i++) y[i] = (um_real)functions[kind].value(x[i]);
}

void um_activate_vjp_scalar(um_activation kind, size_t count, const um_real *dy, const um_real *x,
                            um_real *dx, bool add)
{
    for (size_t i = 0; i < count; i++) put(&dx[i], dy[i] * functions[kind].slope(x[i]), add);
}
