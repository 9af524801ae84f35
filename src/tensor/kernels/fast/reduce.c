/* SPDX-License-Identifier: MIT
 * reduce.c - sums and questions over whole vectors: at most PARTS parts, cut by the count alone. */
#include "tensor/kernels/fast/each.h"
#include "tensor/kernels/fast/tier.h"

enum { PARTS = 64, LANES = 16 };

/* The size of each part but the last: whole blocks. */
static size_t part_size(size_t count)
{
    const size_t blocks = (count + BLOCK - 1) / BLOCK;
    return (blocks + PARTS - 1) / PARTS * BLOCK;
}

/* LANES sums in double, so that no square of a float overflows or vanishes */
static double squares(size_t n, const float *restrict x)
{
    double sum[LANES] = { 0 }, total = 0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t j = 0; j < LANES; j++) sum[j] += (double)x[i + j] * (double)x[i + j];
    for (size_t j = 0; i + j < n; j++) sum[j] += (double)x[i + j] * (double)x[i + j];
    for (size_t j = 0; j < LANES; j++) total += sum[j];
    return total;
}

double TIER(sum_squares)(size_t count, const float *x)
{
    double part[PARTS] = { 0 }, total = 0;
    const size_t size = part_size(count);
#pragma omp parallel for schedule(static) if (count > WORTH)
    for (size_t k = 0; k < PARTS; k++)
        if (k * size < count) part[k] = squares(UM_MIN(size, count - k * size), x + k * size);
    for (size_t k = 0; k < PARTS; k++) total += part[k];
    return total;
}

/* an infinity or a NaN has all bits of the exponent set: then the largest magnitude is at least
 * that */
static int largest_bits(ptrdiff_t n, const float *x)
{
    vi most = { 0 };
    EACH_VECTOR(i, lanes, n, {
        const vi bits = (vi)ldn(x + i, lanes) & 0x7fffffff, more = bits > most;
        most = (bits & more) | (most & ~more);
    });
    int largest = 0;
    for (int i = 0; i < VW; i++) largest = UM_MAX(largest, most[i]);
    return largest;
}

bool TIER(all_finite)(size_t count, const float *x)
{
    int largest = 0;
#pragma omp parallel for schedule(static) reduction(max : largest) if (count > WORTH)
    for (size_t i = 0; i < count; i += BLOCK)
        largest = UM_MAX(largest, largest_bits((ptrdiff_t)UM_MIN(BLOCK, count - i), x + i));
    return largest < 0x7f800000;
}
