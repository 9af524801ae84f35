/* SPDX-License-Identifier: MIT
 * peak.c - the definition of the multiply-adds that a core's speed is measured with. */
#include "tensor/kernels/scalar/scalar.h"

void um_peak_scalar(size_t rounds, um_real a, um_real b, um_real *x)
{
    for (int i = 0; i < UM_PEAK_NUMBERS; i++) {
        double v = x[i];
        for (size_t r = 0; r < rounds; r++) v = a * v + b;
        x[i] = (um_real)v;
    }
}
