/* SPDX-License-Identifier: MIT
 * dropout.c - Philox 4x32-10 (base/random.h) on many counters at once; the same mask as the
 * definition's, word for word. */
#include "tensor/kernels/fast/each.h"
#include "tensor/kernels/fast/tier.h"

#include <math.h>

enum { COUNTERS = 32, GROUP = 4 * COUNTERS }; /* a counter gives four words, one for each element */

/* words[k][j]: word k of counter first + j */
static void philox(const um_random *source, uint32_t first, uint32_t words[4][COUNTERS])
{
    uint32_t *restrict a = words[0], *restrict b = words[1], *restrict c = words[2];
    uint32_t *restrict d = words[3], key0 = (uint32_t)source->seed;
    uint32_t key1 = (uint32_t)(source->seed >> 32);
    for (uint32_t j = 0; j < COUNTERS; j++) {
        a[j] = first + j;
        b[j] = (uint32_t)source->item;
        c[j] = (uint32_t)(source->item >> 32);
        d[j] = (uint32_t)source->stream;
    }
    for (int round = 0; round < 10; round++, key0 += 0x9E3779B9u, key1 += 0xBB67AE85u)
        for (int j = 0; j < COUNTERS; j++) {
            const uint64_t p = (uint64_t)a[j] * 0xD2511F53u, q = (uint64_t)c[j] * 0xCD9E8D57u;
            a[j] = (uint32_t)(q >> 32) ^ b[j] ^ key0;
            c[j] = (uint32_t)(p >> 32) ^ d[j] ^ key1;
            b[j] = (uint32_t)q;
            d[j] = (uint32_t)p;
        }
}

/* factors[i] = 0 where element i of the group falls, else scale. A word w falls if w / 2^32 < rate,
 * which is w < limit. */
static void draw(const um_random *source, uint32_t first, uint32_t limit, float scale,
                 float factors[GROUP])
{
    uint32_t words[4][COUNTERS];
    philox(source, first, words);
    for (int j = 0; j < COUNTERS; j++)
        for (int k = 0; k < 4; k++) factors[4 * j + k] = words[k][j] < limit ? 0 : scale;
}

/* x * 0 would keep a NaN and the sign of zero: what falls is nothing */
static void drop(ptrdiff_t n, const float *factors, const float *x, float *y, bool add)
{
    EACH_VECTOR(i, lanes, n, {
        const vf f = ld(factors + i);
        putn(y + i, vselect(f > 0, ldn(x + i, lanes) * f, vset(0)), lanes, add);
    });
}

void TIER(dropout)(size_t count, float rate, const um_random *source, const float *x, float *y,
                   bool add)
{
    const uint32_t limit = (uint32_t)ceil((double)rate * 0x1p32);
    const float scale = (float)(1 / (1 - (double)rate));
#pragma omp parallel for schedule(static) if (count > WORTH / 4)
    for (size_t i = 0; i < count; i += GROUP) {
        float factors[GROUP];
        draw(source, (uint32_t)(i / 4), limit, scale, factors);
        drop((ptrdiff_t)UM_MIN(GROUP, count - i), factors, x + i, y + i, add);
    }
}
