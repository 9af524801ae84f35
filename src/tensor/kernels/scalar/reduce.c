/* SPDX-License-Identifier: MIT
 * reduce.c - the definition of the sums. */
#include "tensor/kernels/kernels.h"
#include "tensor/kernels/scalar/put.h"

#include <math.h>

um_sum_pixels_fn um_sum_pixels_scalar;
um_sum_squares_fn um_sum_squares_scalar;
um_all_finite_fn um_all_finite_scalar;

void um_sum_pixels_scalar(int n, size_t hw, int c, const um_real *x, um_real *y, bool add)
{
    for (int i = 0; i < n; i++)
        for (int k = 0; k < c; k++) {
            double sum = 0;
            for (size_t p = i * hw; p < (i + 1) * hw; p++) sum += x[p * c + k];
            put(&y[(size_t)i * c + k], sum, add);
        }
}

double um_sum_squares_scalar(size_t count, const um_real *x)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += (double)x[i] * x[i];
    return sum;
}

bool um_all_finite_scalar(size_t count, const um_real *x)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(x[i])) return false;
    return true;
}
