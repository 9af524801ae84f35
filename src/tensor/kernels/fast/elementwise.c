/* SPDX-License-Identifier: MIT
 * elementwise.c - sums and products of whole tensors, in blocks over the threads. */
#include "tensor/kernels/fast/each.h"
#include "tensor/kernels/fast/tier.h"

#include <string.h>

static void lincomb(ptrdiff_t n, float alpha, const float *a, float beta, const float *b, float *y)
{
    EACH_VECTOR(i, lanes, n,
                stn(y + i, alpha * ldn(a + i, lanes) + beta * ldn(b + i, lanes), lanes));
}

static void scaled(ptrdiff_t n, float alpha, const float *a, float *y)
{
    EACH_VECTOR(i, lanes, n, stn(y + i, alpha * ldn(a + i, lanes), lanes));
}

void TIER(lincomb)(size_t count, float alpha, const float *a, float beta, const float *b, float *y)
{
    if (alpha == 0) a = NULL;
#pragma omp parallel for schedule(static) if (count > WORTH)
    for (size_t i = 0; i < count; i += BLOCK) {
        const size_t n = UM_MIN(BLOCK, count - i);
        if (a && b) lincomb((ptrdiff_t)n, alpha, a + i, beta, b + i, y + i);
        else if (a) scaled((ptrdiff_t)n, alpha, a + i, y + i);
        else if (b) scaled((ptrdiff_t)n, beta, b + i, y + i);
        else memset(y + i, 0, n * sizeof *y);
    }
}

static void multiply(ptrdiff_t n, const float *a, const float *b, float *y, bool add)
{
    EACH_VECTOR(i, lanes, n, putn(y + i, ldn(a + i, lanes) * ldn(b + i, lanes), lanes, add));
}

void TIER(multiply)(size_t count, const float *a, const float *b, float *y, bool add)
{
#pragma omp parallel for schedule(static) if (count > WORTH)
    for (size_t i = 0; i < count; i += BLOCK)
        multiply((ptrdiff_t)UM_MIN(BLOCK, count - i), a + i, b + i, y + i, add);
}

static void add_row(ptrdiff_t c, const float *x, float *y)
{
    EACH_VECTOR(i, lanes, c, putn(y + i, ldn(x + i, lanes), lanes, true));
}

void TIER(copy_columns)(size_t rows, int c, const float *x, int x_c, int x_at, float *y, int y_c,
                        int y_at, bool add)
{
#pragma omp parallel for schedule(static) if (rows * (size_t)c > WORTH)
    for (size_t i = 0; i < rows; i++) {
        const float *from = x + i * (size_t)x_c + x_at;
        float *to = y + i * (size_t)y_c + y_at;
        if (add) add_row(c, from, to);
        else memcpy(to, from, (size_t)c * sizeof *to);
    }
}
