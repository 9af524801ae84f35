/* SPDX-License-Identifier: MIT
 * embedding.c - rows of a table, and their gradient. */
#include "tensor/kernels/kernels.h"

#include <string.h>

um_embedding_fn um_embedding_scalar;
um_embedding_vjp_fn um_embedding_vjp_scalar;

void um_embedding_scalar(int n, int c, const um_real *table, const um_real *ids, um_real *y)
{
    const size_t row = (size_t)c;
    for (int i = 0; i < n; i++) memcpy(y + i * row, table + (size_t)ids[i] * row, row * sizeof *y);
}

void um_embedding_vjp_scalar(int n, int rows, int c, const um_real *dy, const um_real *ids,
                             um_real *dtable, bool add)
{
    const size_t row = (size_t)c;
    if (!add) memset(dtable, 0, rows * row * sizeof *dtable);
    for (int i = 0; i < n; i++)
        for (size_t j = 0; j < row; j++) dtable[(size_t)ids[i] * row + j] += dy[i * row + j];
}
