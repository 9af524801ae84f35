/* SPDX-License-Identifier: MIT
 * resample.c - a pixel to four and four to one, over rows of the small image. */
#include "tensor/kernels/fast/each.h"
#include "tensor/kernels/fast/tier.h"

/* `to`: the top left of the four pixels; `below`: the length of a row of the large image */
static void spread(ptrdiff_t c, ptrdiff_t below, float weight, const float *from, float *to,
                   bool add)
{
    EACH_VECTOR(k, lanes, c, {
        const vf v = weight * ldn(from + k, lanes);
        putn(to + k, v, lanes, add);
        putn(to + c + k, v, lanes, add);
        putn(to + below + k, v, lanes, add);
        putn(to + below + c + k, v, lanes, add);
    });
}

void TIER(spread2x)(int n, int h, int w, int c, float weight, const float *small, float *large,
          bool add)
{
    const ptrdiff_t rows = (ptrdiff_t)n * h, below = 2 * (ptrdiff_t)w * c;
#pragma omp parallel for schedule(static) if (rows * below > WORTH)
    for (ptrdiff_t p = 0; p < rows; p++)
        for (ptrdiff_t q = 0; q < w; q++)
            spread(c, below, weight, small + (p * w + q) * c, large + 2 * (p * below + q * c),
                   add);
}

static void gather(ptrdiff_t c, ptrdiff_t below, float weight, const float *from, float *to,
                   bool add)
{
    EACH_VECTOR(k, lanes, c, {
        const vf top = ldn(from + k, lanes) + ldn(from + c + k, lanes);
        const vf bottom = ldn(from + below + k, lanes) + ldn(from + below + c + k, lanes);
        putn(to + k, weight * (top + bottom), lanes, add);
    });
}

void TIER(gather2x)(int n, int h, int w, int c, float weight, const float *large, float *small,
          bool add)
{
    const ptrdiff_t rows = (ptrdiff_t)n * h, below = 2 * (ptrdiff_t)w * c;
#pragma omp parallel for schedule(static) if (rows * below > WORTH)
    for (ptrdiff_t p = 0; p < rows; p++)
        for (ptrdiff_t q = 0; q < w; q++)
            gather(c, below, weight, large + 2 * (p * below + q * c), small + (p * w + q) * c,
                   add);
}
