/* SPDX-License-Identifier: MIT
 * torch_random.c - MT19937 and the two ways in which torch.randn turns its words into normals. */
#include "base/torch_random.h"

#include <math.h>

enum { M = 397 }; /* how far the recurrence reaches ahead */

void um_torch_random_init(um_torch_random *g, uint64_t seed)
{
    *g = (um_torch_random){ .next = UM_TORCH_WORDS };
    g->word[0] = (uint32_t)seed;
    for (uint32_t i = 1; i < UM_TORCH_WORDS; i++) {
        const uint32_t before = g->word[i - 1];
        g->word[i] = 1812433253u * (before ^ (before >> 30)) + i;
    }
}

/* x_{k+n} = x_{k+m} xor (upper bit of x_k | lower bits of x_{k+1}) A, for all n words at once. */
static void twist(um_torch_random *g)
{
    uint32_t *x = g->word;
    for (int k = 0; k < UM_TORCH_WORDS; k++) {
        const uint32_t y = (x[k] & 0x80000000u) | (x[(k + 1) % UM_TORCH_WORDS] & 0x7fffffffu);
        x[k] = x[(k + M) % UM_TORCH_WORDS] ^ (y >> 1) ^ (y & 1 ? 0x9908b0dfu : 0);
    }
    g->next = 0;
}

static uint32_t word(um_torch_random *g)
{
    if (g->next >= UM_TORCH_WORDS) twist(g);
    uint32_t y = g->word[g->next++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

/* 24 bits: all that a float in [0, 1) holds. */
static float uniform(um_torch_random *g)
{
    return (float)(word(g) & 0xffffffu) * 0x1p-24f;
}

/* 53 bits of two words, the first one high. */
static double uniform_double(um_torch_random *g)
{
    const uint64_t high = word(g), low = word(g);
    return (double)((high << 32 | low) & ((1ull << 53) - 1)) * 0x1p-53;
}

void um_torch_rand(um_torch_random *g, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++) out[i] = uniform(g);
}

/* Box-Muller in double; the sine half of a pair waits for the next call. */
static double normal_double(um_torch_random *g)
{
    if (g->has_normal) {
        g->has_normal = false;
        return g->normal;
    }
    const double angle = 6.283185307179586 * uniform_double(g);
    const double radius = sqrt(-2.0 * log1p(-uniform_double(g)));
    g->normal = radius * sin(angle);
    g->has_normal = true;
    return radius * cos(angle);
}

/* Box-Muller on 16 uniform floats in place: the first eight give the radii, the others the angles.
 * torch works in float32: the angle rounded to float decides its sine, so it is rounded here. */
static void normal_16(float *x)
{
    for (int i = 0; i < 8; i++) {
        const float u = 1.0f - x[i]; /* (0, 1] */
        const float angle = 6.2831855f * x[i + 8];
        const float radius = (float)sqrt(-2.0 * log((double)u));
        x[i] = (float)(radius * cos((double)angle));
        x[i + 8] = (float)(radius * sin((double)angle));
    }
}

void um_torch_randn(um_torch_random *g, float *out, size_t n)
{
    if (n < 16) {
        for (size_t i = 0; i < n; i++) out[i] = (float)normal_double(g);
        return;
    }
    um_torch_rand(g, out, n);
    for (size_t i = 0; i + 16 <= n; i += 16) normal_16(out + i);
    if (n % 16 == 0) return;
    um_torch_rand(g, out + n - 16, 16); /* the last 16 are drawn anew, over numbers given before */
    normal_16(out + n - 16);
}
