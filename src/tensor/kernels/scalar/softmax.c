/* SPDX-License-Identifier: MIT
 * softmax.c - the definition of the softmax of rows. */
#include "tensor/kernels/kernels.h"
#include "tensor/kernels/scalar/put.h"

#include <math.h>

um_softmax_fn um_softmax_scalar;
um_softmax_vjp_fn um_softmax_vjp_scalar;

void um_softmax_scalar(size_t rows, int c, const um_real *x, um_real *y)
{
    for (; rows > 0; rows--, x += c, y += c) {
        double max = x[0], sum = 0;
        for (int j = 1; j < c; j++) max = fmax(max, x[j]);
        for (int j = 0; j < c; j++) sum += exp(x[j] - max);
        for (int j = 0; j < c; j++) y[j] = (um_real)(exp(x[j] - max) / sum);
    }
}

void um_softmax_vjp_scalar(size_t rows, int c, const um_real *dy, const um_real *y, um_real *dx,
                           bool add)
{
    for (; rows > 0; rows--, dy += c, y += c, dx += c) {
        double dot = 0;
        for (int j = 0; j < c; j++) dot += (double)y[j] * dy[j];
        for (int j = 0; j < c; j++) put(&dx[j], y[j] * (dy[j] - dot), add);
    }
}
