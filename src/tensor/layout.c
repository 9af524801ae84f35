/* SPDX-License-Identifier: MIT
 * layout.c - both ways are transposes of each image's matrix. */
#include "tensor/layout.h"

/* y[n][columns][rows] = x[n][rows][columns] */
static void transpose(size_t n, size_t rows, size_t columns, const um_real *x, um_real *y)
{
    for (size_t i = 0; i < n; i++, x += rows * columns, y += rows * columns)
        for (size_t r = 0; r < rows; r++)
            for (size_t c = 0; c < columns; c++) y[c * rows + r] = x[r * columns + c];
}

void um_nhwc_to_nchw(int n, int h, int w, int c, const um_real *x, um_real *y)
{
    transpose((size_t)n, (size_t)h * (size_t)w, (size_t)c, x, y);
}

void um_nchw_to_nhwc(int n, int h, int w, int c, const um_real *x, um_real *y)
{
    transpose((size_t)n, (size_t)c, (size_t)h * (size_t)w, x, y);
}
