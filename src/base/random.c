/* SPDX-License-Identifier: MIT
 * random.c - Philox 4x32-10 and what is made of its bits. */
#include "base/random.h"

#include <math.h>

/* One round: two 32x32 -> 64 products, crossed and keyed. Constants from the paper, table 2. */
static void philox_round(uint32_t c[4], const uint32_t k[2])
{
    const uint64_t p0 = (uint64_t)0xD2511F53u * c[0], p1 = (uint64_t)0xCD9E8D57u * c[2];
    const uint32_t c1 = c[1], c3 = c[3];
    c[0] = (uint32_t)(p1 >> 32) ^ c1 ^ k[0];
    c[1] = (uint32_t)p1;
    c[2] = (uint32_t)(p0 >> 32) ^ c3 ^ k[1];
    c[3] = (uint32_t)p0;
}

void um_random_bits(const um_random *r, uint32_t index, uint32_t out[4])
{
    uint32_t key[2] = { (uint32_t)r->seed, (uint32_t)(r->seed >> 32) };
    out[0] = index;
    out[1] = (uint32_t)r->item;
    out[2] = (uint32_t)(r->item >> 32);
    out[3] = (uint32_t)r->stream;
    for (int i = 0; i < 10; i++) {
        philox_round(out, key);
        key[0] += 0x9E3779B9u;
        key[1] += 0xBB67AE85u;
    }
}

/* The 53 high bits of two words as a fraction in [0, 1). */
static double fraction(uint32_t high, uint32_t low)
{
    const uint64_t bits = ((uint64_t)high << 32 | low) >> 11;
    return (double)bits * 0x1p-53;
}

double um_random_uniform(const um_random *r, uint32_t index)
{
    uint32_t w[4];
    um_random_bits(r, index, w);
    return fraction(w[0], w[1]);
}

/* Lemire's multiply-shift with rejection; the four words of one index give two tries, and the
 * chance that both are refused is below n^2 / 2^128, when the second is taken as it is. */
uint64_t um_random_below(const um_random *r, uint32_t index, uint64_t n)
{
    uint32_t w[4];
    um_random_bits(r, index, w);
    const uint64_t limit = -n % n; /* 2^64 mod n */
    const uint64_t a = (uint64_t)w[0] << 32 | w[1], b = (uint64_t)w[2] << 32 | w[3];
    const unsigned __int128 pa = (unsigned __int128)a * n, pb = (unsigned __int128)b * n;
    return (uint64_t)((uint64_t)pa >= limit ? pa >> 64 : pb >> 64);
}

/* Box-Muller: one index gives two uniforms and two normals. */
void um_random_normal(const um_random *r, um_real *out, size_t n)
{
    for (size_t i = 0; i < n; i += 2) {
        uint32_t w[4];
        um_random_bits(r, (uint32_t)(i / 2), w);
        const double u = 1.0 - fraction(w[0], w[1]); /* (0, 1] */
        const double angle = 6.283185307179586 * fraction(w[2], w[3]);
        const double radius = sqrt(-2.0 * log(u));
        out[i] = (um_real)(radius * cos(angle));
        if (i + 1 < n) out[i + 1] = (um_real)(radius * sin(angle));
    }
}

void um_random_permutation(const um_random *r, uint32_t *out, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t j = (uint32_t)um_random_below(r, i, (uint64_t)i + 1);
        out[i] = out[j];
        out[j] = i;
    }
}
