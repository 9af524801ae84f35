/* SPDX-License-Identifier: MIT
 * softmax.c - one row after the other: its largest value, the exponentials and their sum, the
 * quotient. */
#include "tensor/kernels/fast/each.h"
#include "tensor/kernels/fast/tier.h"
#include "tensor/kernels/fast/vmath.h"

#include <math.h>

enum { RUN = 32 * VW }; /* summed in float; the runs are added up in double */

/* the first n lanes of v, the others of other */
INLINE vf keep(vf v, ptrdiff_t n, vf other)
{
    for (ptrdiff_t i = n; i < VW; i++) v[i] = other[i];
    return v;
}

/* a NaN may be lost here; its exponential brings it back */
static float row_max(ptrdiff_t c, const float *x)
{
    vf most = vset(-INFINITY);
    EACH_VECTOR(i, lanes, c, most = vmax(keep(ldn(x + i, lanes), lanes, most), most));
    float max = most[0];
    for (int i = 1; i < VW; i++) max = UM_MAX(max, most[i]);
    return max;
}

/* y = exp(x - max); the sum of y */
static double exp_row(ptrdiff_t c, float max, const float *x, float *y)
{
    double sum = 0;
    for (; c > 0; c -= RUN, x += RUN, y += RUN) {
        vf run = { 0 };
        EACH_VECTOR(i, lanes, UM_MIN(c, RUN), {
            const vf e = vexp(ldn(x + i, lanes) - max);
            stn(y + i, e, lanes);
            run += keep(e, lanes, vset(0));
        });
        sum += vsum(run);
    }
    return sum;
}

static void scale_row(ptrdiff_t c, float scale, float *y)
{
    EACH_VECTOR(i, lanes, c, stn(y + i, scale * ldn(y + i, lanes), lanes));
}

void TIER(softmax)(size_t rows, int c, const float *x, float *y)
{
    const size_t row = (size_t)c;
#pragma omp parallel for schedule(static) if (rows * row > WORTH / 4)
    for (size_t i = 0; i < rows; i++) {
        const double sum = exp_row(c, row_max(c, x + i * row), x + i * row, y + i * row);
        scale_row(c, (float)(1 / sum), y + i * row);
    }
}

static double dot(ptrdiff_t c, const float *a, const float *b)
{
    double sum = 0;
    for (; c > 0; c -= RUN, a += RUN, b += RUN) {
        vf run = { 0 };
        EACH_VECTOR(i, lanes, UM_MIN(c, RUN),
                    run = vmadd(ldn(a + i, lanes), ldn(b + i, lanes), run));
        sum += vsum(run);
    }
    return sum;
}

static void vjp_row(ptrdiff_t c, float sum, const float *dy, const float *y, float *dx, bool add)
{
    EACH_VECTOR(i, lanes, c,
                putn(dx + i, ldn(y + i, lanes) * (ldn(dy + i, lanes) - sum), lanes, add));
}

void TIER(softmax_vjp)(size_t rows, int c, const float *dy, const float *y, float *dx, bool add)
{
    const size_t row = (size_t)c;
#pragma omp parallel for schedule(static) if (rows * row > WORTH)
    for (size_t i = 0; i < rows; i++) {
        const size_t at = i * row;
        vjp_row(c, (float)dot(c, dy + at, y + at), dy + at, y + at, dx + at, add);
    }
}
