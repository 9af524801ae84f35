/* SPDX-License-Identifier: MIT
 * gemm.h - the matrix product
 *
 *     C[i][j] (+)= sum_l A(i, l) B(l, j) + bias[j]
 *
 * A(i, l) = a[i * a_row + l * a_col], B(l, j) = b[l * b_row + j * b_col]; of each pair of strides
 * one is 1, so either operand may be transposed. C is row-major, c_row >= n apart, and aliases
 * nothing. m, n, k > 0. `add`: add to what C holds, else store. scratch: um_gemm_scratch reals,
 * aligned to 64. A and B are rounded to `precision`; bias, sums and C are not. A row of C does not
 * depend, to the bit, on m or on the number of threads. */
#ifndef UM_KERNEL_GEMM_H
#define UM_KERNEL_GEMM_H

#include "tensor/kernels/precision.h"

typedef struct um_gemm {
    int m, n, k;
    const um_real *a;
    ptrdiff_t a_row, a_col;
    const um_real *b;
    ptrdiff_t b_row, b_col;
    um_real *c;
    ptrdiff_t c_row;
    const um_real *bias; /* [n] or NULL */
    bool add;
    um_precision precision;
} um_gemm;

typedef void um_gemm_fn(const um_gemm *g, um_real *scratch);
typedef size_t um_gemm_scratch_fn(const um_gemm *g, int threads);

#endif
