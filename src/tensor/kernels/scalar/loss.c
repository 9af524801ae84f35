/* SPDX-License-Identifier: MIT
 * loss.c - the definition of the losses: f(d) and f'(d) of a difference d. */
#include "tensor/kernels/kernels.h"
#include "tensor/kernels/scalar/put.h"

#include <math.h>

um_loss_fn um_loss_scalar;
um_loss_vjp_fn um_loss_vjp_scalar;

static double value(um_loss_kind kind, double delta, double d)
{
    if (kind == UM_LOSS_MSE) return d * d;
    if (kind == UM_LOSS_L1) return fabs(d);
    return fabs(d) <= delta ? 0.5 * d * d : delta * (fabs(d) - 0.5 * delta);
}

static double sign(double d) { return d > 0 ? 1 : d < 0 ? -1 : d; /* 0 and NaN stay */ }

static double slope(um_loss_kind kind, double delta, double d)
{
    if (kind == UM_LOSS_MSE) return 2 * d;
    if (kind == UM_LOSS_L1) return sign(d);
    return fabs(d) <= delta ? d : delta * sign(d);
}

void um_loss_scalar(um_loss_kind kind, double delta, int n, size_t per, const um_real *prediction,
                    const um_real *target, um_real *loss)
{
    for (int i = 0; i < n; i++) {
        double sum = 0;
        for (size_t j = i * per; j < (i + 1) * per; j++)
            sum += value(kind, delta, (double)prediction[j] - target[j]);
        loss[i] = (um_real)(sum / (double)per);
    }
}

void um_loss_vjp_scalar(um_loss_kind kind, double delta, int n, size_t per, const um_real *scale,
                        const um_real *prediction, const um_real *target, um_real *dprediction,
                        bool add)
{
    for (int i = 0; i < n; i++)
        for (size_t j = i * per; j < (i + 1) * per; j++) {
            const double d = (double)prediction[j] - target[j];
            put(&dprediction[j], scale[i] / (double)per * slope(kind, delta, d), add);
        }
}
