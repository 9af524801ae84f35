/* SPDX-License-Identifier: MIT
 * gemm.c - the matrix product by its definition. */
#include "tensor/kernels/scalar/scalar.h"

void um_gemm_scalar(const um_gemm *g, um_real *scratch)
{
    (void)scratch;
    for (ptrdiff_t i = 0; i < g->m; i++)
        for (ptrdiff_t j = 0; j < g->n; j++) {
            um_real *c = g->c + i * g->c_row + j;
            double sum = g->bias ? g->bias[j] : 0.0;
            for (ptrdiff_t l = 0; l < g->k; l++)
                sum += (double)um_operand(g->precision, g->a[i * g->a_row + l * g->a_col]) *
                       um_operand(g->precision, g->b[l * g->b_row + j * g->b_col]);
            *c = (um_real)(g->add ? *c + sum : sum);
        }
}

size_t um_gemm_scratch_scalar(const um_gemm *g, int threads)
{
    (void)g, (void)threads;
    return 0;
}
