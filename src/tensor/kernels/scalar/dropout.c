/* SPDX-License-Identifier: MIT
 * dropout.c - one call of the random source gives the fate of four elements. */
#include "tensor/kernels/kernels.h"
#include "tensor/kernels/scalar/put.h"

um_dropout_fn um_dropout_scalar;

void um_dropout_scalar(size_t count, um_real rate, const um_random *source, const um_real *x,
                       um_real *y, bool add)
{
    const double p = rate, scale = 1 / (1 - p);
#pragma omp parallel for if (count > 1 << 14)
    for (size_t i = 0; i < count; i += 4) {
        uint32_t word[4];
        um_random_bits(source, (uint32_t)(i / 4), word);
        for (size_t j = i; j < count && j < i + 4; j++)
            put(&y[j], word[j - i] * 0x1p-32 < p ? 0 : x[j] * scale, add);
    }
}
